"""Who stands in the table: how each is started and what a photo looks like to it.

Each is set up as its own documents say for a CPU with this many cores.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable
from dataclasses import dataclass

from tests.benchmark.peers.environments import ROOT, peer_python
from tests.benchmark.peers.merging import MAX_BATCH_SIZE, MAX_WAIT_SECONDS
from tests.benchmark.stack import free_port
from tests.benchmark.table import bodies

CORES = os.cpu_count()
_JSON = "application/json"
_SERVERS = ROOT / "tests" / "benchmark" / "photo_peers"
_BATCHES = f"batches of {MAX_BATCH_SIZE} or {MAX_WAIT_SECONDS * 1000:.0f} ms"


@dataclass(frozen=True)
class Launch:
    """The processes of one system and where it takes photos."""

    commands: tuple[tuple[object, ...], ...]
    port: int
    path: str = "/predict"
    content_type: str = "image/jpeg"
    environ: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class System:
    """One row of the table.

    launch: (network, a folder of its own) -> Launch.
    is_ours: All others are compared with it.
    has_watchdog: Its parent process ends children that it has not heard of; after a
        pause they get a moment to be heard before it goes on.
    """

    title: str
    setup: str
    launch: Callable
    encode: Callable = bodies.plain
    read: Callable = bodies.read_scores
    is_ours: bool = False
    has_watchdog: bool = False


def _ours(*flags):
    def launch(network, folder):
        del folder
        grpc_port, port = free_port(), free_port()
        server = (
            *(sys.executable, "-m", "serving", f"--port={grpc_port}"),
            *("--model_name=classifier", f"--model_base_path={network.base_path}"),
            *("--enable_batching", *flags),
            f"--batching_parameters_file={ROOT / 'serving' / 'batching.config'}",
        )
        settings = {
            "GATEWAY_HOST": "127.0.0.1",
            "GATEWAY_PORT": str(port),
            "GATEWAY_MODEL_ADDRESS": f"localhost:{grpc_port}",
            "GATEWAY_MODELS": "classifier",
            "GATEWAY_MODEL_TIMEOUT_SECONDS": "20",
        }
        gateway = (sys.executable, "-m", "gateway")
        return Launch((server, gateway), port, environ=tuple(settings.items()))

    return launch


def _gunicorn(workers):
    def launch(network, folder):
        del folder
        port = free_port()
        command = (
            *(sys.executable, "-m", "gunicorn", "--workers", workers),
            *("--bind", f"127.0.0.1:{port}", "--timeout", 120),
            "tests.benchmark.photo_peers.flask_app:create_app"
            f"({str(network.keras_file)!r})",
        )
        form = f"multipart/form-data; boundary={bodies.BOUNDARY}"
        return Launch((command,), port, content_type=form)

    return launch


def _openvino(network, folder):
    del folder
    port = free_port()
    command = (
        *(sys.executable, "-m", "uvicorn", "--log-level", "warning"),
        *("--port", port, "tests.benchmark.photo_peers.openvino_app:app"),
    )
    environ = (("PEER_FOLDER", str(network.folder)),)
    return Launch((command,), port, environ=environ)


def _bentoml(network, folder):
    del folder
    port = free_port()
    command = (
        *(peer_python("bentoml").with_name("bentoml"), "serve"),
        "tests.benchmark.photo_peers.bentoml_service:PhotoClassifier",
        *("--working-dir", ROOT, "--host", "127.0.0.1", "--port", port),
    )
    environ = (
        ("PEER_FOLDER", str(network.version)),
        ("PEER_SIDE", str(network.side)),
        ("BENTOML_DO_NOT_TRACK", "True"),
    )
    return Launch((command,), port, content_type=_JSON, environ=environ)


def _litserve(network, folder):
    del folder
    port = free_port()
    program = (peer_python("litserve"), _SERVERS / "litserve_server.py")
    command = (*program, network.version, network.side, port)
    return Launch((command,), port, content_type=_JSON)


def _ray(network, folder):
    del folder
    port = free_port()
    program = (peer_python("ray"), "-m", "tests.benchmark.photo_peers.ray_app")
    environ = (("RAY_USAGE_STATS_ENABLED", "0"), ("RAY_DEDUP_LOGS", "0"))
    command = (*program, network.version, network.side, port)
    return Launch((command,), port, path="/", environ=environ)


def _kserve(network, folder):
    del folder
    port = free_port()
    command = (
        *(peer_python("kserve"), _SERVERS / "kserve_server.py"),
        *(network.version, network.side),
        *(f"--http_port={port}", f"--grpc_port={free_port()}"),
    )
    path = "/v1/models/classifier:predict"
    return Launch((command,), port, path=path, content_type=_JSON)


def _mlserver(network, folder):
    port = free_port()
    model = {
        "name": "classifier",
        "implementation": "tests.benchmark.photo_peers.mlserver_runtime."
        "PhotoClassifier",
        "max_batch_size": MAX_BATCH_SIZE,
        "max_batch_time": MAX_WAIT_SECONDS,
        "parameters": {"uri": str(network.version), "extra": {"side": network.side}},
    }
    settings = {
        **{"host": "127.0.0.1", "http_port": port, "grpc_port": free_port()},
        **{"metrics_port": free_port(), "parallel_workers": CORES, "debug": False},
    }
    for name, values in (("settings", settings), ("model-settings", model)):
        (folder / f"{name}.json").write_text(json.dumps(values), encoding="utf-8")
    command = (peer_python("mlserver").with_name("mlserver"), "start", folder)
    path = "/v2/models/classifier/infer"
    return Launch((command,), port, path=path, content_type=_JSON)


SYSTEMS = {
    "ours": System(
        title="this stack",
        setup="gateway and model server, their defaults and serving/batching.config",
        launch=_ours(),
        read=bodies.read_predictions,
        is_ours=True,
        has_watchdog=True,
    ),
    "ours-bf16": System(
        title="this stack, bfloat16",
        setup="the same with --mixed_precision=bfloat16",
        launch=_ours("--mixed_precision=bfloat16"),
        read=bodies.read_predictions,
        is_ours=True,
        has_watchdog=True,
    ),
    "ours-openvino": System(
        title="this stack, OpenVINO",
        setup="the same with --engine=openvino",
        launch=_ours("--engine=openvino"),
        read=bodies.read_predictions,
        is_ours=True,
        has_watchdog=True,
    ),
    "flask": System(
        title="Flask + `model.predict`",
        setup="as in tutorials: a form's photo, gunicorn, 1 worker",
        launch=_gunicorn(1),
        encode=bodies.form,
        has_watchdog=True,
    ),
    "flask-workers": System(
        title="Flask + `model.predict`, workers",
        setup=f"the same, {2 * CORES + 1} workers as gunicorn's documents say",
        launch=_gunicorn(2 * CORES + 1),
        encode=bodies.form,
        has_watchdog=True,
    ),
    "bentoml": System(
        title="BentoML",
        setup=f"adaptive batches of at most {MAX_BATCH_SIZE}, 1 worker, JSON base64",
        launch=_bentoml,
        encode=bodies.bentoml,
        read=bodies.read_rows,
    ),
    "litserve": System(
        title="LitServe",
        setup=f"{_BATCHES}, {CORES} workers, JSON base64",
        launch=_litserve,
        encode=bodies.litserve,
    ),
    "ray": System(
        title="Ray Serve",
        setup=f"{_BATCHES}, {CORES} replicas",
        launch=_ray,
    ),
    "kserve": System(
        title="KServe's Python server",
        setup="V1 protocol, JSON base64; one process, no batching",
        launch=_kserve,
        encode=bodies.kserve,
        read=bodies.read_rows,
    ),
    "mlserver": System(
        title="MLServer",
        setup=f"Open Inference over HTTP, base64; {_BATCHES}, {CORES} workers",
        launch=_mlserver,
        encode=bodies.mlserver,
        read=bodies.read_tensor,
    ),
    "openvino": System(
        title="OpenVINO in Starlette",
        setup="uvicorn, 1 process, throughput hint, a request per thread",
        launch=_openvino,
    ),
}
