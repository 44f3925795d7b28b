"""python -m serving as a process: streams and exit codes."""

from __future__ import annotations

import json
import subprocess
import sys
import urllib.request

import grpc
import numpy as np
import pytest
from tensorflow_serving.apis import prediction_service_pb2_grpc

from tests.integration.serving_calls import predict_request, read_response
from tests.integration.serving_models import build_half_plus, write_graph
from tests.integration.serving_process import TIMEOUT_SECONDS, start_server


def run_server(*flags):
    """Run to the end; return the finished process."""
    return subprocess.run(
        [sys.executable, "-m", "serving", *flags],
        capture_output=True,
        text=True,
        timeout=TIMEOUT_SECONDS,
        check=False,
    )


def test_unreadable_value():
    """A value of another type: the usage on stdout, exit code 255."""
    done = run_server("--port=x")

    assert done.returncode == 255
    assert "--model_base_path=" in done.stdout


def test_version():
    """--version prints the two lines and succeeds."""
    done = run_server("--version")

    assert done.returncode == 0
    assert [line.split(":")[0] for line in done.stdout.splitlines()] == [
        "TensorFlow ModelServer",
        "TensorFlow Library",
    ]


@pytest.mark.parametrize(
    "flags, error",
    [
        (
            ["--port=0"],
            "INVALID_ARGUMENT: At least one of server_options.grpc_port or "
            "server_options.grpc_socket_path must be set.",
        ),
        (
            [],
            "INVALID_ARGUMENT: Both server_options.model_base_path and "
            "server_options.model_config_file are empty!",
        ),
    ],
)
def test_start_error(flags, error):
    """What keeps it from starting is on stdout, exit code 255."""
    done = run_server(*flags)

    assert done.returncode == 255
    assert done.stdout.splitlines()[-1] == f"Failed to start server. Error: {error}"


def test_bad_config_file(tmp_path):
    """A config file that does not parse is named; the place is told on stderr."""
    path = tmp_path / "models.config"
    path.write_text("model_config_list {\n  nonsense\n}\n")

    done = run_server(f"--model_config_file={path}")

    assert done.returncode == 255
    assert f"INVALID_ARGUMENT: Invalid protobuf file: '{path}'" in done.stdout
    assert "2:3" in done.stderr


def test_broken_model(tmp_path):
    """A model that does not load ends the process with 255."""
    (tmp_path / "m" / "1").mkdir(parents=True)

    done = run_server(f"--model_base_path={tmp_path}/m", "--max_num_load_retries=0")

    assert done.returncode == 255
    assert "Failed to start server. Error: UNKNOWN: 1 servable(s)" in done.stdout


def test_unknown_flag(tmp_path):
    """An unknown flag is told, with the usage, and the server goes on."""
    write_graph(tmp_path / "m" / "1", build_half_plus(2))

    with start_server(
        "--no_such=1", f"--model_base_path={tmp_path}/m", "--model_name=m"
    ) as (process, fields):
        url = f"http://localhost:{fields['rest_port']}/v1/models/m"
        with urllib.request.urlopen(url, timeout=TIMEOUT_SECONDS) as response:
            status = json.load(response)
        process.terminate()
        code = process.wait(TIMEOUT_SECONDS)

    assert status["model_version_status"][0]["state"] == "AVAILABLE"
    assert code == 0


def test_socket(start_model_server, tmp_path):
    """A UNIX socket answers like the port."""
    write_graph(tmp_path / "m" / "1", build_half_plus(2))
    path = tmp_path / "s"
    start_model_server(tmp_path / "m", name="m", grpc_socket_path=str(path))

    with grpc.insecure_channel(f"unix:{path}") as channel:
        stub = prediction_service_pb2_grpc.PredictionServiceStub(channel)
        request = predict_request("m", x=np.float32([2]))
        _, outputs = read_response(stub.Predict(request, timeout=TIMEOUT_SECONDS))

    assert outputs["y"].tolist() == [3.0]
    assert path.is_socket()
