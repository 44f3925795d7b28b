"""What /v2 tells of the server and its models, and how it tells an error."""

from __future__ import annotations

import pytest

from gateway.app import create_app
from gateway.errors import ModelUnavailable, UnknownVersion
from gateway.settings import Settings
from tests.tiny_model import tiny_contract
from tests.unit.gateway.inferring import INFER, json_pictures, refusal


def test_server(web):
    """The server names itself and the two extensions that it speaks."""
    reply = web.get("/v2").json

    assert set(reply) == {"name", "version", "extensions"}
    assert reply["extensions"] == ["binary_tensor_data", "classification"]


def test_live(web, client):
    """Alive, whatever the model server does."""
    client.failure = ModelUnavailable("away")

    reply = web.get("/v2/health/live")

    assert (reply.status_code, reply.json) == (200, {"live": True})


def test_ready(web):
    """Ready once every contract was read."""
    reply = web.get("/v2/health/ready")

    assert (reply.status_code, reply.json) == (200, {"ready": True})


def test_not_ready(web, client):
    """Not ready, as a status and as a value, while no contract can be read."""
    client.failure = ModelUnavailable("away")

    reply = web.get("/v2/health/ready")

    assert (reply.status_code, reply.json) == (503, {"ready": False})


@pytest.mark.parametrize("address", ["/v2/models/tiny", "/v2/models/tiny/versions/2"])
def test_model(web, client, address):
    """Names, datatypes and shapes of a model, from its contract; its versions."""
    client.versions = {1: tiny_contract(), 2: tiny_contract()}

    assert web.get(address).json == {
        "name": "tiny",
        "versions": ["1", "2"],
        "platform": "tensorflow_savedmodel",
        "inputs": [
            {"name": "image", "datatype": "BYTES", "shape": [-1]},
            {"name": "images", "datatype": "UINT8", "shape": [-1, 8, 10, 3]},
        ],
        "outputs": [
            {"name": "scores", "datatype": "FP32", "shape": [-1, 3]},
            {"name": "label", "datatype": "BYTES", "shape": [-1]},
        ],
    }


@pytest.mark.parametrize("address", ["tiny", "tiny/versions/1", "second"])
def test_model_ready(web, address):
    """A model and a version that would answer are ready."""
    reply = web.get(f"/v2/models/{address}/ready")

    assert reply.status_code == 200
    assert reply.json == {"name": address.split("/")[0], "ready": True}


@pytest.mark.parametrize(
    "failure", [ModelUnavailable("away"), UnknownVersion("no such version")]
)
def test_model_not_ready(web, client, failure):
    """A model that does not answer is not ready; the status says so too."""
    client.failure = failure

    reply = web.get("/v2/models/tiny/versions/7/ready")

    assert (reply.status_code, reply.json) == (503, {"name": "tiny", "ready": False})


def test_version_that_ended(web, client):
    """A version whose contract is remembered, but which is gone, is not ready."""
    assert web.get("/v2/models/tiny/versions/1/ready").status_code == 200
    client.versions = {2: tiny_contract()}

    assert web.get("/v2/models/tiny/versions/1/ready").status_code == 503
    assert web.get("/v2/models/tiny/versions/2/ready").status_code == 200


@pytest.mark.parametrize("rest", ["", "/ready", "/versions/1", "/versions/1/ready"])
def test_unknown_model(web, rest):
    """A model that is not served is a 404 that names those that are."""
    status, error = refusal(web.get(f"/v2/models/cats{rest}"))

    assert status == 404
    assert "tiny, second" in error and "cats" in error


@pytest.mark.parametrize("version", ["x", "-1", "1.0", "9" * 30, "%F0%9F%8D%95"])
@pytest.mark.parametrize("rest", ["", "/ready"])
def test_no_version(web, version, rest):
    """A version that is no whole number is refused as what it is."""
    status, error = refusal(web.get(f"/v2/models/tiny/versions/{version}{rest}"))

    assert status == 400 and "whole number" in error


@pytest.mark.parametrize(
    "method, address, status",
    [
        ("GET", "/v2/", 404),
        ("GET", "/v2/models/tiny/config", 404),
        ("POST", "/v2/repository/index", 404),
        ("GET", INFER, 405),
        ("DELETE", "/v2/models/tiny", 405),
    ],
)
def test_addresses_beside(web, method, address, status):
    """Where nothing is, the error still has the protocol's form."""
    assert refusal(web.open(address, method=method))[0] == status


def test_other_addresses(web):
    """An error beside /v2 keeps its form, also where the name only begins alike."""
    for address in ("/v2x", "/nope"):
        reply = web.get(address)

        assert reply.mimetype == "application/problem+json"
        assert reply.json["status"] == 404


def test_outage(web, client, red):
    """An outage is a 503 that says when to try again, with the id of the request."""
    client.failure = ModelUnavailable("model 'tiny': away")

    reply = web.post(INFER, json=json_pictures(red))

    assert refusal(reply) == (503, "model 'tiny': away")
    assert reply.headers["Retry-After"] and reply.headers["X-Request-ID"]


def test_bug(web, client, red, caplog):
    """What nobody expected is a fixed sentence outside and a traceback inside."""
    client.failure = RuntimeError("secret")

    reply = web.post(INFER, json=json_pictures(red))

    status, error = refusal(reply)
    assert status == 500 and "secret" not in error
    assert "secret" in caplog.text


def test_edge(client, red, tmp_path):
    """Who is refused before any route is asked reads it in the protocol's form too."""
    keys = tmp_path / "keys"
    keys.write_text("anna a-long-key-of-anna\n", encoding="utf-8")
    settings = Settings(
        models=("tiny",), api_keys_file=str(keys), rate_limit="1/minute"
    )
    web = create_app(settings, client).test_client()
    known = {"X-API-Key": "a-long-key-of-anna"}

    stranger = web.post(INFER, json=json_pictures(red))
    first = web.post(INFER, json=json_pictures(red), headers=known)
    second = web.post(INFER, json=json_pictures(red), headers=known)

    assert refusal(stranger)[0] == 401 and stranger.headers["WWW-Authenticate"]
    assert first.status_code == 200
    assert refusal(second)[0] == 429 and second.headers["Retry-After"]
    assert web.get("/v2/health/ready").status_code == 200
