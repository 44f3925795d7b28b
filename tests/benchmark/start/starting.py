"""One start of a model server and of a gateway before it, looked at until they answer.

The files are in the system's memory from the round before: what a start costs is
imports, reading the model and building it.
"""

from __future__ import annotations

import http.client
import json
import socket
import threading
import time
from contextlib import closing
from dataclasses import dataclass
from functools import partial

import grpc
import numpy as np

from gateway import wire
from gateway.predict_message import write_predict
from tests.benchmark import http_load
from tests.benchmark.cores import used_seconds
from tests.benchmark.http_load import Requests
from tests.benchmark.memory import Memory, read_memory
from tests.benchmark.server_processes import (
    ended_by_block,
    start_gateway,
    start_model_server,
    write_models_config,
)
from tests.benchmark.stack import free_port

CLIENTS = 16
LIMIT_SECONDS = 90.0
_NAME = "bench"
# Between two looks: a hundredth of the shorter goal, and cheap.
_LOOK_SECONDS = 0.01


@dataclass(frozen=True, kw_only=True)
class StartedServer:
    """Seconds since the process was started, and its memory before and after load."""

    port_seconds: float
    answer_seconds: float
    cpu_seconds: float
    at_rest: Memory
    loaded: Memory


@dataclass(frozen=True)
class Start:
    """Both servers of one round."""

    server: StartedServer
    gateway: StartedServer
    images_per_second: float


def start_once(base_path, folder, load, callers):
    """Start both, put load on them, end them.

    Args:
        base_path: The folder above the version folder.
        load: (photos, seconds).
        callers: The call of own_process.py that sends the load.

    Raises:
        RuntimeError: A server ended or gave no answer in time.
    """
    models, port = {_NAME: base_path}, free_port()
    config = write_models_config(models, folder)
    ask = partial(_predict_over_grpc, port, _blank_picture(base_path))
    began_at = time.monotonic()
    with ended_by_block(start_model_server(port, config)) as process:
        server = _watch(process, (began_at, port), ask)
        gateway, speed = _start_gateway(models, port, load, callers)
        server = StartedServer(**server, loaded=read_memory(process.pid))
    return Start(server, gateway, speed)


def _start_gateway(models, grpc_port, load, callers):
    """Before a model server that answers; (the gateway, images/s of the load)."""
    photos, seconds = load
    port = free_port()
    ask = partial(_predict_over_http, port, photos[0])
    began_at = time.monotonic()
    process = start_gateway(port, f"ipv4:127.0.0.1:{grpc_port}", models)
    with ended_by_block(process):
        gateway = _watch(process, (began_at, port), ask)
        answered = callers(http_load.send, Requests(port, photos), CLIENTS, seconds)
        gateway = StartedServer(**gateway, loaded=read_memory(process.pid))
    return gateway, answered.images_per_second


def _watch(process, start, ask):
    """Everything of a StartedServer that is known before there is load."""
    began_at, port = start
    return {
        "port_seconds": _wait(lambda: _is_open(port), process, began_at),
        "answer_seconds": _wait(ask, process, began_at),
        "cpu_seconds": used_seconds(process.pid),
        "at_rest": read_memory(process.pid),
    }


def _wait(is_true, process, began_at):
    pause = threading.Event()
    while not is_true():
        if process.poll() is not None:
            raise RuntimeError(f"a server ended with exit code {process.returncode}")
        if time.monotonic() - began_at > LIMIT_SECONDS:
            raise RuntimeError(f"no answer within {LIMIT_SECONDS:.0f} s of the start")
        pause.wait(_LOOK_SECONDS)
    return time.monotonic() - began_at


def _is_open(port):
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=1):
            return True
    except OSError:
        return False


def _predict_over_grpc(port, batch):
    """True when the model server classified it."""
    request = wire.PredictRequest(model_spec=wire.ModelSpec(name=_NAME))
    message = write_predict(request, "images", batch)
    # A channel of its own each time: one that was refused waits before it asks again.
    options = [("grpc.use_local_subchannel_pool", 1)]
    with grpc.insecure_channel(f"127.0.0.1:{port}", options=options) as channel:
        try:
            channel.unary_unary(wire.PREDICT)(message, timeout=LIMIT_SECONDS)
            return True
        except grpc.RpcError:
            return False


def _predict_over_http(port, photo):
    """True when the gateway classified it."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=LIMIT_SECONDS)
    with closing(connection):
        try:
            http_load.post(connection, Requests(port, (photo,)), 0)
            return True
        except (RuntimeError, OSError, http.client.HTTPException):
            return False


def _blank_picture(base_path):
    """uint8 zeros in the model's size, shape (1, height, width, 3)."""
    (contract,) = base_path.glob("*/assets.extra/contract.json")
    image = json.loads(contract.read_text(encoding="utf-8"))["image"]
    return np.zeros((1, image["height"], image["width"], 3), np.uint8)
