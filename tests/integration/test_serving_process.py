"""python -m serving as a process: streams and exit codes."""

from __future__ import annotations

import json
import subprocess
import urllib.request

import pytest

from tests.integration.serving_models import build_half_plus, write_graph
from tests.integration.serving_process import TIMEOUT_SECONDS, run_server, start_server


def test_unreadable_value():
    """A value of another type: why on stderr, the usage on stdout, exit code 255."""
    done = run_server("--port=x")

    assert done.returncode == 255
    assert done.stderr == "--port expected int, received 'x'\n"
    assert "--model_base_path=" in done.stdout


def test_help():
    """Who asks for the usage gets it, and exit code 255 as well."""
    done = run_server("--help")

    assert (done.returncode, done.stderr) == (255, "")
    assert "--model_base_path=" in done.stdout


def test_odd_bytes():
    """Bytes of a flag that are no text are told, and are no reason for a traceback."""
    done = run_server(b"--no_such=\xff", b"--model_base_path=\xfe")

    assert done.returncode == 255
    assert "unknown argument: --no_such=\\udcff\n" in done.stdout
    assert done.stdout.endswith("got base_path()=\\udcfe\n")
    assert "Traceback" not in done.stderr


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
    assert (
        "Error parsing text-format tensorflow.serving.ModelServerConfig: 3:1: "
        in done.stderr
    )


def test_missing_config_file(tmp_path):
    """A config file that is not there is NOT_FOUND; stderr has nothing to add."""
    path = tmp_path / "models.config"

    done = run_server(f"--model_config_file={path}")

    assert done.returncode == 255
    assert done.stdout.splitlines()[-1] == (
        "Failed to start server. Error: NOT_FOUND: "
        f"{path}; No such file or directory"
    )
    assert path.name not in done.stderr
    assert "Errno" not in done.stderr


def test_broken_model(tmp_path):
    """A model that does not load ends the process with 255."""
    (tmp_path / "m" / "1").mkdir(parents=True)

    done = run_server(f"--model_base_path={tmp_path}/m", "--max_num_load_retries=0")

    assert done.returncode == 255
    assert "Failed to start server. Error: UNKNOWN: 1 servable(s)" in done.stdout


def test_broken_beside_good(tmp_path):
    """One model of several that does not load ends the process as well."""
    write_graph(tmp_path / "good" / "1", build_half_plus(1))
    (tmp_path / "bad" / "3").mkdir(parents=True)
    path = write_config(tmp_path, good="", bad="")

    done = run_server(f"--model_config_file={path}", "--max_num_load_retries=0")

    assert done.returncode == 255
    error = done.stdout.partition("Failed to start server. Error: ")[2]
    assert error.startswith(
        "UNKNOWN: 1 servable(s) did not become available: {{{name: bad version: 3} due "
        "to error: NOT_FOUND: "
    )


def test_label_at_start(tmp_path):
    """A label is checked before its model is loaded: without the flag that is 255."""
    write_graph(tmp_path / "m" / "1", build_half_plus(1))
    path = write_config(tmp_path, m="version_labels { key: 'stable' value: 1 }")

    done = run_server(f"--model_config_file={path}")

    assert done.returncode == 255
    assert done.stdout.splitlines()[-1] == (
        "Failed to start server. Error: FAILED_PRECONDITION: Request to assign label "
        "to version 1 of model m, which is not currently available for inference"
    )


def write_config(folder, **models):
    """A config file of models under the folder, each with further fields as text."""
    entries = "".join(
        f'config {{ name: "{name}" base_path: "{folder}/{name}" '
        f'model_platform: "tensorflow" {rest} }}\n'
        for name, rest in models.items()
    )
    path = folder / "models.config"
    path.write_text(f"model_config_list {{ {entries} }}")
    return path


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


def test_readiness(tmp_path):
    """stderr has the lines of TensorFlow Serving's log that scripts wait for."""
    write_graph(tmp_path / "m" / "1", build_half_plus(2))
    socket = tmp_path / "socket"

    with start_server(
        f"--model_base_path={tmp_path}/m",
        f"--grpc_socket_path={socket}",
        stderr=subprocess.PIPE,
    ) as (process, fields):
        lines = []
        for line in process.stderr:
            lines.append(line)
            if line.startswith("Exporting"):
                break

    assert lines[-3:] == [
        f"Running gRPC ModelServer at 0.0.0.0:{fields['grpc_port']} ...\n",
        f"Running gRPC ModelServer at UNIX socket {socket} ...\n",
        f"Exporting HTTP/REST API at:localhost:{fields['rest_port']} ...\n",
    ]


def test_lines_of_names(tmp_path):
    """Names and folders of several lines forge no line of the log and no field."""
    name = "m version=9\nlevel=ERROR\u2028x\x1b"
    (tmp_path / "a\nb" / "1").mkdir(parents=True)

    done = run_server(
        f"--model_name={name}",
        f"--model_base_path={tmp_path}/a\nb",
        "--max_num_load_retries=0",
    )

    log, _, _ = done.stdout.partition("Failed to start server.")
    lines = log.splitlines()
    assert all(line.startswith("time=") for line in lines), log
    states = [line.rpartition(" ")[2] for line in lines if "version_state" in line]
    assert states == ["state=LOADING", "state=END"]
    assert all(f"model={name!r} version=1 " in line for line in lines[:-1])
