"""Gateway and model servers in front of which load is put, and what they cost.

Unlike stack.py, with any number of models, and of model servers behind one gateway.
"""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass

import grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc

from tests.benchmark.cores import on_core, used_seconds
from tests.benchmark.stack import free_port, wait_until_ready
from tests.integration.gateway_process import gateway_environment

STOP_SECONDS = 60
# Sixteen models on a machine that does other things as well.
READY_SECONDS = 300


@dataclass(frozen=True)
class Stack:
    """One gateway's port and process, and the processes of its model servers."""

    port: int
    gateway: int
    servers: tuple[int, ...]

    def used_seconds(self):
        """Processor time so far: (the gateway's, all model servers')."""
        return used_seconds(self.gateway), sum(map(used_seconds, self.servers))


@contextmanager
def running_servers(models, folder, **settings):
    """A ready stack of one model server on all cores.

    Args:
        models: Name to the folder above its version folders; the first is the default.
        folder: Where the model server's list of models is written.
        settings: The gateway's, where they are not the defaults.
    """
    with (
        model_servers(models, folder, (None,)) as servers,
        one_gateway(servers, models, **settings) as stack,
    ):
        yield stack


@contextmanager
def model_servers(models, folder, cores):
    """Ready model servers, {port: process id}.

    Args:
        cores: One model server for each, on that core alone; None: on all of them.
    """
    config = write_models_config(models, folder)
    with ExitStack() as processes:
        servers = {}
        for core in cores:
            port = free_port()
            process = start_model_server(port, config, core)
            processes.enter_context(ended_by_block(process))
            servers[port] = process.pid
        for port in servers:
            wait_until_serving(port)
        yield servers


@contextmanager
def one_gateway(servers, models, **settings):
    """A ready gateway before some of model_servers(); the stack they make together."""
    port, addresses = free_port(), ",".join(f"127.0.0.1:{each}" for each in servers)
    process = start_gateway(port, f"ipv4:{addresses}", models, **settings)
    with ended_by_block(process):
        wait_until_ready(port)
        yield Stack(port, process.pid, tuple(servers.values()))


def write_models_config(models, folder):
    """The models.config that names them all; returns its path."""
    entries = "\n".join(
        f'config {{ name: "{name}" base_path: "{path}" model_platform: "tensorflow" }}'
        for name, path in models.items()
    )
    folder.mkdir(parents=True, exist_ok=True)
    config = folder / "models.config"
    config.write_text(f"model_config_list {{\n{entries}\n}}\n", encoding="utf-8")
    return config


def start_model_server(port, config, core=None):
    """python -m serving with the batching that this project ships."""
    flags = (
        f"--port={port}",
        f"--model_config_file={config}",
        "--enable_batching=true",
        "--enable_grpc_healthcheck_service=true",
        "--batching_parameters_file=serving/batching.config",
    )
    if core is None:
        return _start("serving", flags, os.environ)
    with on_core(core):
        return _start("serving", flags, os.environ)


def start_gateway(port, address, models, **settings):
    """python -m gateway on loopback, with its defaults but for the settings."""
    own = {"host": "127.0.0.1", "port": port, "model_address": address}
    environ = gateway_environment(**own, models=",".join(models), **settings)
    return _start("gateway", (), environ)


def _start(package, flags, environ):
    return subprocess.Popen(
        [sys.executable, "-m", package, *flags],
        env={**environ, "TF_CPP_MIN_LOG_LEVEL": "3"},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )


@contextmanager
def ended_by_block(process):
    """The process; asked to end with the block, and made to if it does not."""
    try:
        yield process
    finally:
        process.terminate()
        try:
            process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait(STOP_SECONDS)


def wait_until_serving(port):
    """Until gRPC's health service says that every model can be asked.

    Raises:
        TimeoutError: It did not in time.
    """
    ends_at = time.monotonic() + READY_SECONDS
    pause = threading.Event()
    with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
        check = health_pb2_grpc.HealthStub(channel).Check
        while time.monotonic() < ends_at:
            with suppress(grpc.RpcError):
                answer = check(health_pb2.HealthCheckRequest(), timeout=5)
                if answer.status == health_pb2.HealthCheckResponse.SERVING:
                    return
            pause.wait(0.2)
    raise TimeoutError(f"a model server was not ready in {READY_SECONDS} s")
