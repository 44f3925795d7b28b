"""Each refusal is met where the OpenAPI document says so, in the form it says."""

from __future__ import annotations

import pytest

from gateway.app import create_app
from gateway.errors import GatewayError
from gateway.settings import Settings
from tests.unit.gateway.describing import call, load
from tests.unit.gateway.explaining import ExplainingClient
from tests.unit.gateway.sending import draw_flat, encode_base64

RED = draw_flat("red")
TEXT = encode_base64(RED)
KEY = "a-key-of-sixteen-letters"
PREDICT, EXPLAIN, FEEDBACK = "/predict", "/explain", "/feedback"


def raw(data):
    """A picture as the body."""
    return {"body": data, "media_type": "application/octet-stream"}


def as_json(**document):
    """A JSON body."""
    return {"body": document, "media_type": "application/json"}


# Code of the error, the path that is sent a POST, and what is sent.
REFUSALS = [
    ("invalid_request", PREDICT, raw(RED) | {"query": {"top": 0}}),
    ("invalid_request", EXPLAIN, as_json(image=5)),
    ("missing_image", PREDICT, as_json(pictures=[])),
    ("invalid_image", PREDICT, raw(RED[:-40])),
    ("invalid_image", EXPLAIN, raw(RED[:-40])),
    ("unsupported_image", PREDICT, raw(bytes(300))),
    ("unsupported_content_type", PREDICT, {"body": "a", "media_type": "text/plain"}),
    ("unsupported_content_type", FEEDBACK, {"body": "a", "media_type": "text/plain"}),
    ("image_too_large", PREDICT, raw(RED + bytes(2000))),
    ("too_many_images", PREDICT, as_json(images=[TEXT] * 33)),
    ("too_many_images", EXPLAIN, as_json(images=[TEXT] * 2)),
    ("request_too_large", PREDICT, as_json(images=[encode_base64(bytes(1500))] * 3)),
    ("forbidden_url", PREDICT, as_json(url="https://example.org/photo.jpg")),
    ("unknown_model", PREDICT, raw(RED) | {"query": {"model": "other"}}),
    ("unknown_model", FEEDBACK, as_json(request_id="1", label="red", model="other")),
    ("unknown_version", PREDICT, raw(RED) | {"query": {"version": 9}}),
    ("no_explanation", EXPLAIN, raw(RED)),
    ("request_entity_too_large", FEEDBACK, as_json(request_id="1", label="a" * 20_000)),
]


@pytest.fixture(name="limits")
def _limits(tmp_path):
    return {
        "models": ("tiny",),
        "max_image_bytes": 2000,
        "max_body_bytes": 3000,
        "url_fetch": "off",
        "prediction_log": str(tmp_path / "predictions.jsonl"),
    }


@pytest.fixture(name="client")
def _client():
    client = ExplainingClient()
    client.silent = (1,)
    return client


def post(app, path, headers=None, **arguments):
    """The answer to a POST, once it was compared with the document."""
    schema = load(app, headers=headers)
    return call(schema[path]["post"].Case(**arguments))


@pytest.mark.parametrize("code, path, arguments", REFUSALS)
def test_refusals(limits, client, code, path, arguments):
    """The document knows this error of this operation; a code names its status."""
    reply = post(create_app(Settings(**limits), client), path, **arguments)

    assert reply.json()["code"] == code
    statuses = {kind.code: kind.status for kind in GatewayError.__subclasses__()}
    assert reply.status_code == statuses.get(code, 413)


def test_no_log(limits, client):
    """A gateway without a prediction log takes no corrections."""
    app = create_app(Settings(**limits | {"prediction_log": "off"}), client)

    reply = post(app, FEEDBACK, **as_json(request_id="1", label="red"))

    assert (reply.status_code, reply.json()["code"]) == (404, "feedback_off")


def test_no_key(limits, client, tmp_path):
    """Who has no key is told which ways there are to send one."""
    (tmp_path / "keys").write_text(f"ann {KEY}\n", "utf-8")
    settings = Settings(**limits, api_keys_file=str(tmp_path / "keys"))

    reply = post(create_app(settings, client), PREDICT, {"X-API-Key": KEY}, **raw(RED))

    assert (reply.status_code, reply.json()["code"]) == (401, "key_required")


def test_too_often(limits, client):
    """Who asks too often is told when to come back."""
    app = create_app(Settings(**limits, rate_limit="2/hour"), client)
    schema = load(app)
    replies = [call(schema[PREDICT]["post"].Case(**raw(RED))) for _ in range(3)]

    reply = replies[-1]

    assert (reply.status_code, reply.json()["code"]) == (429, "too_many_requests")


def test_busy(limits, client):
    """Who has no time to wait for a thread is told that all are busy."""
    app = create_app(Settings(**limits, max_in_flight=1), client)
    schema = load(app)
    with app.test_request_context("/predict", method="POST"):
        app.preprocess_request()

        reply = call(schema[PREDICT]["post"].Case(**raw(RED)))

    assert (reply.status_code, reply.json()["code"]) == (503, "gateway_busy")


def test_protocol(limits, client):
    """Below /v2 an error is a sentence in the protocol's own form."""
    schema = load(create_app(Settings(**limits), client))
    case = schema["/v2/models/{model}"]["get"].Case(path_parameters={"model": "other"})

    reply = call(case)

    assert (reply.status_code, set(reply.json())) == (404, {"error"})
