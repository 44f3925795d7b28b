"""Where a server listens, and what it does when somebody else is there."""

from __future__ import annotations

import http.client
import socket
from contextlib import closing

import grpc
import numpy as np
import pytest
from tensorflow_serving.apis import prediction_service_pb2_grpc

from serving.errors import ServingError
from serving.settings import ANY_FREE_PORT
from tests.integration.forked_server import run_forked
from tests.integration.serving_calls import (
    TIMEOUT_SECONDS,
    predict_request,
    read_response,
    refusal,
)
from tests.integration.serving_reloads import ask, write_models


@pytest.fixture(name="base_path", scope="module")
def _base_path(tmp_path_factory):
    return write_models(tmp_path_factory.mktemp("models"), m=[3]) / "m"


def ask_socket(path):
    """The version that answers at a UNIX socket."""
    with grpc.insecure_channel(f"unix:{path}") as channel:
        stub = prediction_service_pb2_grpc.PredictionServiceStub(channel)
        request = predict_request("m", x=np.float32([0]))
        return read_response(stub.Predict(request, timeout=TIMEOUT_SECONDS))[0]


@pytest.mark.parametrize("port", [0, ANY_FREE_PORT])
def test_socket(start_model_server, base_path, tmp_path, port):
    """A UNIX socket answers beside the port or instead of it, and goes with the end."""
    path = tmp_path / "s"

    server = start_model_server(
        base_path, name="m", grpc_socket_path=str(path), port=port
    )
    version = ask_socket(path)
    server.stop()

    assert version == 3
    assert bool(server.grpc_port) is bool(port)
    assert not path.exists()


def test_stale_socket(start_model_server, base_path, tmp_path):
    """A socket file that a dead server left behind is replaced."""
    path = tmp_path / "s"
    with closing(socket.socket(socket.AF_UNIX)) as dead:
        dead.bind(str(path))

    start_model_server(base_path, name="m", grpc_socket_path=str(path), port=0)

    assert ask_socket(path) == 3


def occupy_file(folder):
    """A regular file where the socket should be."""
    path = folder / "s"
    path.write_text("keep me")
    return path


@pytest.mark.parametrize(
    "make_path",
    [occupy_file, lambda folder: folder, lambda folder: folder / "no" / "s"],
    ids=["file", "folder", "nowhere"],
)
def test_impossible_socket(start_model_server, base_path, tmp_path, make_path):
    """A socket path that is not to be had stops the start and destroys nothing."""
    path = make_path(tmp_path)

    with pytest.raises(ServingError) as caught:
        start_model_server(base_path, name="m", grpc_socket_path=str(path))

    assert caught.value.code is grpc.StatusCode.INVALID_ARGUMENT
    assert not path.is_file() or path.read_text() == "keep me"


@pytest.fixture(name="taken_port")
def _taken_port():
    """A port on which somebody else listens, at every address."""
    with closing(socket.socket()) as taken:
        taken.bind(("0.0.0.0", 0))
        taken.listen()
        yield taken.getsockname()[1]


def test_taken_port(base_path, taken_port):
    """A gRPC port that somebody else has is an error, not a share of the calls."""
    code, said = run_forked(
        f"--port={taken_port}", "--model_name=m", f"--model_base_path={base_path}"
    )

    assert code == 255
    assert said.splitlines()[-1].startswith(
        "Failed to start server. Error: INVALID_ARGUMENT: "
    )


def test_taken_http_port(start_model_server, base_path, taken_port, caplog):
    """A REST port that somebody else has is an error line; gRPC is served."""
    server = start_model_server(base_path, name="m", rest_api_port=taken_port)

    assert ask(server, "m") == 3
    assert server.rest_port == 0
    assert "event=rest_off" in caplog.text


def test_http_on_all_addresses(start_model_server, base_path):
    """The REST port answers over IPv4 and, where there is any, over IPv6."""
    server = start_model_server(base_path, name="m")
    addresses = ["127.0.0.1"] + ["::1"] * socket.has_dualstack_ipv6()
    codes = []

    for address in addresses:
        with closing(
            http.client.HTTPConnection(address, server.rest_port)
        ) as http_call:
            http_call.request("GET", "/v1/models/m")
            codes.append(http_call.getresponse().status)

    assert set(codes) == {200}


def test_channel_arguments(start_model_server, base_path):
    """--grpc_channel_arguments counts, also where the server has a value of its own."""
    server = start_model_server(
        base_path, name="m", grpc_channel_arguments="grpc.max_receive_message_length=99"
    )

    answered = ask(server, "m")
    code, details = refusal(server, "m", x=np.zeros(1000, np.float32))

    assert answered == 3
    assert code is grpc.StatusCode.RESOURCE_EXHAUSTED
    assert "vs. 99" in details
