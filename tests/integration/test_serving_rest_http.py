"""REST as HTTP: bodies of every kind, verbs, CORS, versions, labels, metadata."""

from __future__ import annotations

import http.client
import json
from contextlib import closing

import pytest

from serving.served_model import ModelConfig
from serving.version_policy import VersionPolicy
from tests.integration.rest_requests import TIMEOUT_SECONDS, post, send, send_on
from tests.integration.serving_models import build_half_plus, write_graph

PREDICT = "/v1/models/half:predict"
ONE = b'{"instances": [1]}'


@pytest.fixture(name="server", scope="module")
def _server(start_model_server, tmp_path_factory):
    """half with CORS: version 1 adds 1, version 2 adds 2, labels old and new."""
    folder = tmp_path_factory.mktemp("models") / "half"
    for version in (1, 2):
        write_graph(folder / str(version), build_half_plus(version))
    half = ModelConfig(
        name="half",
        base_path=str(folder),
        policy=VersionPolicy(latest=2),
        labels={"old": 1, "new": 2},
    )
    return start_model_server(
        configs=[half],
        rest_api_enable_cors_support=True,
        allow_version_labels_for_unavailable_models=True,
    )


@pytest.mark.parametrize(
    "choice, answer",
    [
        ("", 2.5),
        ("/versions/1", 1.5),
        ("/labels/old", 1.5),
        ("/labels/new", 2.5),
        ("/labels/%6Eew", 2.5),
    ],
)
def test_versions(server, choice, answer):
    """A version or a label chooses; else the latest answers."""
    assert post(server, f"half{choice}:predict", {"instances": [1]}).json == {
        "predictions": [answer]
    }


@pytest.mark.parametrize("method", ["HEAD", "PUT", "DELETE", "PATCH", "TRACE", "FOO"])
def test_verbs(server, method):
    """Only GET and POST call; any other verb is malformed, its body is read."""
    connection = http.client.HTTPConnection(
        "localhost", server.rest_port, timeout=TIMEOUT_SECONDS
    )
    with closing(connection):
        refused = send_on(connection, method, PREDICT, ONE)
        answered = send_on(connection, "POST", PREDICT, ONE)

    assert refused.status == 400
    if method != "HEAD":
        assert refused.json == {"error": f"Malformed request: {method} {PREDICT}"}
    assert answered.status == 200


@pytest.mark.parametrize(
    "headers, status", [({"Origin": "https://a.example"}, 200), ({}, 400)]
)
def test_options(server, headers, status):
    """A browser's question before a call is answered empty, with CORS headers."""
    answer = send(server, "OPTIONS", PREDICT, headers=headers)

    assert (answer.status, answer.text) == (status, "")
    assert answer.headers["Access-Control-Allow-Origin"] == "*"
    assert answer.headers["Access-Control-Allow-Methods"] == "POST, GET"
    assert answer.headers["Access-Control-Allow-Headers"] == "Content-Type"


def test_no_cors(tiny_server):
    """Without the flag no answer has CORS headers."""
    answer = send(tiny_server, "GET", "/v1/models/tiny")

    assert not [name for name in answer.headers if name.startswith("Access-Control")]


@pytest.mark.parametrize(
    "path, version",
    [
        ("half/metadata", "2"),
        ("half/versions/1/metadata", "1"),
        ("half/labels/old/metadata", "1"),
    ],
)
def test_metadata(server, path, version):
    """Metadata is of the version asked for, numbers as text."""
    document = send(server, "GET", f"/v1/models/{path}").json

    side = {"size": "1", "name": ""}
    assert document["model_spec"] == {
        "name": "half",
        "signature_name": "",
        "version": version,
    }
    signatures = document["metadata"]["signature_def"]["signature_def"]
    assert signatures["serving_default"]["inputs"]["x"] == {
        "dtype": "DT_FLOAT",
        "name": "x:0",
        "tensor_shape": {"dim": [{**side, "size": "-1"}, side], "unknown_rank": False},
    }
    assert signatures["serving_default"]["method_name"] == "tensorflow/serving/predict"


@pytest.mark.parametrize(
    "path, status",
    [
        ("nobody/metadata", 404),
        ("half/versions/9/metadata", 404),
        ("half/labels/nope/metadata", 400),
    ],
)
def test_no_metadata(server, path, status):
    """What is not served has none."""
    assert send(server, "GET", f"/v1/models/{path}").status == status


def test_many_calls_on_one_connection(server):
    """A connection is kept open, also over errors."""
    connection = http.client.HTTPConnection(
        "localhost", server.rest_port, timeout=TIMEOUT_SECONDS
    )
    with closing(connection):
        first = send_on(connection, "GET", "/v1/models/half")
        first_socket = connection.sock
        for body in (ONE, b"{", json.dumps({"inputs": 1}).encode()) * 5:
            send_on(connection, "POST", PREDICT, body)

        assert first.status == 200
        assert connection.sock is first_socket
