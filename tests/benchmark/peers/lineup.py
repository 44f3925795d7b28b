"""Who is compared: the command of each peer, its protocol, and how it is set up.

Each is set up as its own documents say for a CPU with this many cores.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from tests.benchmark import peer_calls
from tests.benchmark.peer_calls import Target
from tests.benchmark.peers.environments import ROOT, peer_python
from tests.benchmark.peers.merging import MAX_BATCH_SIZE, MAX_WAIT_SECONDS
from tests.benchmark.stack import free_port

PEERS = Path(__file__).parent
CORES = os.cpu_count()
_INFER = "/inference.GRPCInferenceService/ModelInfer"
_PREDICT = "/tensorflow.serving.PredictionService/Predict"
_JSON = "application/json"


@dataclass(frozen=True)
class Peer:
    """One server and one way to call it.

    encode: image -> body; None: the request is made elsewhere, as bytes.
    """

    name: str
    setup: str
    target: Target
    command: tuple[object, ...]
    read: Callable
    encode: Callable | None = None
    environ: tuple[tuple[str, str], ...] = ()


def ours(base_path):
    """The embedded model server, over gRPC and over REST; one process."""
    grpc_port, rest_port = free_port(), free_port()
    command = (
        *(sys.executable, "-m", "serving", f"--port={grpc_port}"),
        *(f"--rest_api_port={rest_port}", "--model_name=classifier"),
        *(f"--model_base_path={base_path}", "--enable_batching"),
        f"--batching_parameters_file={ROOT / 'serving' / 'batching.config'}",
    )
    path = "/v1/models/classifier:predict"
    return (
        Peer(
            name="this model server, gRPC",
            setup="tensor_content; serving/batching.config",
            target=Target(grpc_port, _PREDICT),
            command=command,
            read=peer_calls.read_predict_response,
            encode=peer_calls.predict_request,
        ),
        Peer(
            name="this model server, REST",
            setup="JSON lists; the same process",
            target=Target(rest_port, path, _JSON),
            command=(),
            read=peer_calls.read_json,
            encode=peer_calls.instances,
        ),
    )


def flask_keras(keras_file):
    """gunicorn with 2 x cores + 1 workers, as its documents say."""
    port, workers = free_port(), 2 * CORES + 1
    return Peer(
        name="Flask + `keras.Model.predict`",
        setup=f"raw pixels; gunicorn, {workers} workers",
        target=Target(port, "/predict", "application/octet-stream"),
        command=(
            *(sys.executable, "-m", "gunicorn", "--workers", workers),
            *("--bind", f"127.0.0.1:{port}", "--timeout", 120),
            f"tests.benchmark.peers.flask_app:create_app({str(keras_file)!r})",
        ),
        read=peer_calls.read_json,
        encode=peer_calls.pixels,
    )


def kserve(folder):
    """One process; KServe merges calls in a sidecar that is not Python."""
    port = free_port()
    return Peer(
        name="KServe",
        setup="Open Inference gRPC, raw tensors; one process, no batching",
        target=Target(port, _INFER),
        command=(
            *(peer_python("kserve"), PEERS / "kserve_server.py", folder),
            *(f"--grpc_port={port}", f"--http_port={free_port()}"),
        ),
        read=peer_calls.read_last_bytes,
    )


def mlserver(folder, settings_folder):
    """Adaptive batching, an inference worker per core."""
    port = free_port()
    model = {
        "name": "classifier",
        "implementation": "tests.benchmark.peers.mlserver_runtime.Classifier",
        "max_batch_size": MAX_BATCH_SIZE,
        "max_batch_time": MAX_WAIT_SECONDS,
        "parameters": {"uri": str(folder)},
    }
    settings = {
        **{"host": "127.0.0.1", "grpc_port": port, "http_port": free_port()},
        **{"metrics_port": free_port(), "metrics_dir": str(settings_folder)},
        **{"parallel_workers": CORES, "debug": False},
    }
    for name, values in (("settings", settings), ("model-settings", model)):
        file = settings_folder / f"{name}.json"
        file.write_text(json.dumps(values), encoding="utf-8")
    program = peer_python("mlserver").with_name("mlserver")
    return Peer(
        name="MLServer",
        setup=f"Open Inference gRPC, raw tensors; batches of {MAX_BATCH_SIZE} or "
        f"{MAX_WAIT_SECONDS * 1000:.0f} ms, {CORES} workers",
        target=Target(port, _INFER),
        command=(program, "start", settings_folder),
        read=peer_calls.read_last_bytes,
    )


def bentoml(folder):
    """Adaptive batching finds its own waiting time; it needs one process for that."""
    port = free_port()
    program = peer_python("bentoml").with_name("bentoml")
    service = "tests.benchmark.peers.bentoml_service:Classifier"
    return Peer(
        name="BentoML",
        setup=f"base64 pixels; adaptive batches of at most {MAX_BATCH_SIZE}, 1 worker",
        target=Target(port, "/predict", _JSON),
        command=(
            *(program, "serve", service, "--working-dir", ROOT),
            *("--host", "127.0.0.1", "--port", port),
        ),
        read=peer_calls.read_json,
        encode=peer_calls.base64_list,
        environ=(("PEER_FOLDER", str(folder)), ("BENTOML_DO_NOT_TRACK", "True")),
    )


def litserve(folder):
    """Dynamic batching, a worker per core."""
    port = free_port()
    return Peer(
        name="LitServe",
        setup=f"base64 pixels; batches of {MAX_BATCH_SIZE} or "
        f"{MAX_WAIT_SECONDS * 1000:.0f} ms, {CORES} workers",
        target=Target(port, "/predict", _JSON),
        command=(peer_python("litserve"), PEERS / "litserve_server.py", folder, port),
        read=peer_calls.read_json,
        encode=peer_calls.base64_pixels,
    )
