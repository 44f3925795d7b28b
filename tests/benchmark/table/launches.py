"""How each system is started: its commands, its environment and where it answers.

Each is set up as its own documents say for a CPU with this many cores. All take
(network, a folder of their own) and give a Launch, or make such a function.
"""

from __future__ import annotations

import json
import os
import sys
from dataclasses import dataclass

from tests.benchmark.peers.environments import ROOT, peer_python
from tests.benchmark.peers.merging import MAX_BATCH_SIZE, MAX_WAIT_SECONDS
from tests.benchmark.stack import free_port
from tests.benchmark.table import bodies

CORES = os.cpu_count()
_JSON = "application/json"
_SERVERS = ROOT / "tests" / "benchmark" / "photo_peers"
_GATEWAY = (sys.executable, "-m", "gateway")


@dataclass(frozen=True)
class Launch:
    """The processes of one system and where it takes photos."""

    commands: tuple[tuple[object, ...], ...]
    port: int
    path: str = "/predict"
    content_type: str = "image/jpeg"
    environ: tuple[tuple[str, str], ...] = ()


def ours(*flags):
    """The model server with these flags too, and the gateway."""

    def launch(network, folder):
        del folder
        grpc_port, port = free_port(), free_port()
        server = (
            *(sys.executable, "-m", "serving", f"--port={grpc_port}"),
            *("--model_name=classifier", f"--model_base_path={network.base_path}"),
            *("--enable_batching", *flags),
            f"--batching_parameters_file={ROOT / 'serving' / 'batching.config'}",
        )
        settings = _gateway_settings(grpc_port, port)
        return Launch((server, _GATEWAY), port, environ=settings)

    return launch


def pythie(network, folder):
    """pythie-serving in the model server's place."""
    grpc_port, port = free_port(), free_port()
    config = folder / "models.config"
    config.write_text(
        'model_config_list { config { name: "classifier" model_platform: "tensorflow" '
        f'base_path: "{network.base_path}" }} }}',
        encoding="utf-8",
    )
    program = peer_python("pythie").with_name("pythie-serving")
    server = (program, config, "--port", grpc_port, "--worker-count", CORES)
    settings = _gateway_settings(grpc_port, port)
    return Launch((server, _GATEWAY), port, environ=settings)


def _gateway_settings(grpc_port, port):
    settings = {
        "GATEWAY_HOST": "127.0.0.1",
        "GATEWAY_PORT": str(port),
        "GATEWAY_MODEL_ADDRESS": f"localhost:{grpc_port}",
        "GATEWAY_MODELS": "classifier",
        # Sixty-four callers of a slow network all get their answer.
        "GATEWAY_MODEL_TIMEOUT_SECONDS": "20",
    }
    return tuple(settings.items())


def gunicorn(workers):
    """Flask with so many workers."""

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


def openvino(network, folder):
    """One process of uvicorn."""
    del folder
    port = free_port()
    command = (
        *(sys.executable, "-m", "uvicorn", "--log-level", "warning"),
        *("--port", port, "tests.benchmark.photo_peers.openvino_app:app"),
    )
    environ = (("PEER_FOLDER", str(network.folder)),)
    return Launch((command,), port, environ=environ)


def bentoml(network, folder):
    """Its own command line."""
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


def litserve(network, folder):
    """One script."""
    del folder
    port = free_port()
    program = (peer_python("litserve"), _SERVERS / "litserve_server.py")
    command = (*program, network.version, network.side, port)
    return Launch((command,), port, content_type=_JSON)


def ray(network, folder):
    """One script, which starts Ray's processes."""
    del folder
    port = free_port()
    program = (peer_python("ray"), "-m", "tests.benchmark.photo_peers.ray_app")
    environ = (("RAY_USAGE_STATS_ENABLED", "0"), ("RAY_DEDUP_LOGS", "0"))
    command = (*program, network.version, network.side, port)
    return Launch((command,), port, path="/", environ=environ)


def kserve(network, folder):
    """One script."""
    del folder
    port = free_port()
    command = (
        *(peer_python("kserve"), _SERVERS / "kserve_server.py"),
        *(network.version, network.side),
        *(f"--http_port={port}", f"--grpc_port={free_port()}"),
    )
    path = "/v1/models/classifier:predict"
    return Launch((command,), port, path=path, content_type=_JSON)


def mlserver(network, folder):
    """Its own command line, told by two files."""
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
        **{"metrics_port": free_port(), "metrics_dir": str(folder)},
        **{"parallel_workers": CORES, "debug": False},
    }
    for name, values in (("settings", settings), ("model-settings", model)):
        (folder / f"{name}.json").write_text(json.dumps(values), encoding="utf-8")
    command = (peer_python("mlserver").with_name("mlserver"), "start", folder)
    path = "/v2/models/classifier/infer"
    return Launch((command,), port, path=path, content_type=_JSON)
