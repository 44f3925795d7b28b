"""POST /feedback: what a person may say, and what is no such thing."""

from __future__ import annotations

import json

import pytest

from gateway.app import create_app
from gateway.errors import ModelUnavailable
from gateway.routes.feedback import MOST_BYTES
from gateway.settings import Settings
from tests.tiny_model import tiny_contract

GOOD = {"request_id": "id-1", "label": "green"}


@pytest.fixture(name="log_file")
def _log_file(tmp_path):
    return tmp_path / "predictions.jsonl"


@pytest.fixture(name="web")
def _web(client, log_file):
    settings = Settings(models=("tiny", "second"), prediction_log=str(log_file))
    return create_app(settings, client).test_client()


@pytest.mark.parametrize(
    "more", [{}, {"index": 3}, {"model": "second"}, {"index": 0, "model": None}]
)
def test_kept(web, log_file, more):
    """A correction comes back and is one line of the log."""
    reply = web.post("/feedback", json=GOOD | more)

    expected = {"index": 0, "model": None} | GOOD | more
    assert (reply.status_code, reply.json) == (201, expected)
    line = json.loads(log_file.read_text("utf-8"))
    assert line.pop("feedback") == expected.pop("label")
    assert line.pop("time").endswith("Z")
    assert line == expected


@pytest.mark.parametrize(
    "document, words",
    [
        ([], "a JSON object, received a list"),
        (None, "a JSON object, received null"),
        ({}, "'request_id'"),
        (GOOD | {"request_id": 5}, "'request_id' as a reply has it, received 5"),
        (GOOD | {"request_id": ""}, "'request_id'"),
        (GOOD | {"request_id": "a\nb"}, "'request_id'"),
        (GOOD | {"request_id": "a" * 129}, "'request_id'"),
        ({"request_id": "id-1"}, "text as 'label', received null"),
        (GOOD | {"label": ["green"]}, "text as 'label', received a list"),
        (GOOD | {"label": "banana"}, "labels red, green, blue, received 'banana'"),
        (GOOD | {"label": ""}, "one of the labels"),
        (GOOD | {"label": "Green"}, "one of the labels"),
        (GOOD | {"label": "\ud800" + "x" * 5000}, "one of the labels"),
        (GOOD | {"index": -1}, "0 to 100000, as 'index', received -1"),
        (GOOD | {"index": 100_001}, "0 to 100000, as 'index', received 100001"),
        (GOOD | {"index": "0"}, "0 to 100000, as 'index', received '0'"),
        (GOOD | {"index": True}, "0 to 100000, as 'index', received True"),
        (GOOD | {"index": 0.0}, "0 to 100000, as 'index', received 0.0"),
        (GOOD | {"model": 1}, "'model'"),
        (GOOD | {"model": ""}, "'model', received an empty text"),
        (GOOD | {"lable": "green"}, "received 'lable'"),
    ],
)
def test_refused(web, log_file, document, words):
    """What is no correction is a 400 that says the rule, and is not kept."""
    body = json.dumps(document)

    reply = web.post("/feedback", data=body, content_type="application/json")

    assert (reply.status_code, reply.json["code"]) == (400, "invalid_request")
    assert words in reply.json["detail"]
    assert len(reply.json["detail"]) < 300
    assert log_file.read_text("utf-8") == ""


@pytest.mark.parametrize(
    "body", [b"", b"{", b"\xff", b"[" * 10_000, b'{"index": ' + b"9" * 9000 + b"}"]
)
def test_no_json(web, body):
    """A body that is not JSON is a 400, however deep or long."""
    reply = web.post("/feedback", data=body, content_type="application/json")

    assert (reply.status_code, reply.json["code"]) == (400, "invalid_request")


@pytest.mark.parametrize(
    "arguments, status",
    [
        ({"data": json.dumps(GOOD)}, 415),
        ({"data": GOOD}, 415),
        ({"json": GOOD | {"label": "x" * MOST_BYTES}}, 413),
        ({"json": GOOD | {"model": "third"}}, 404),
    ],
)
def test_other_refusals(web, log_file, arguments, status):
    """Another kind of body, a huge one and an unknown model are a 4xx."""
    reply = web.post("/feedback", **arguments)

    assert reply.status_code == status
    assert reply.mimetype == "application/problem+json"
    assert log_file.read_text("utf-8") == ""


def test_labels_of_the_model(client, log_file):
    """Without a model the labels of all count, with one only its own."""
    client.versions = {1: tiny_contract(labels=("cat", "dog"))}
    settings = Settings(models=("pets",), prediction_log=str(log_file))
    web = create_app(settings, client).test_client()

    statuses = [
        web.post("/feedback", json=GOOD | {"label": label}).status_code
        for label in ("dog", "green")
    ]

    assert statuses == [201, 400]


def test_model_away(web, client):
    """While no model can be asked for its labels, trying again helps."""
    client.failure = ModelUnavailable("away")

    reply = web.post("/feedback", json=GOOD)

    assert (reply.status_code, reply.json["code"]) == (503, "model_unavailable")


def test_many_labels(client, log_file):
    """A model of a thousand classes does not list them all."""
    client.versions = {1: tiny_contract(labels=[f"class {n}" for n in range(1000)])}
    settings = Settings(models=("tiny",), prediction_log=str(log_file))
    web = create_app(settings, client).test_client()

    reply = web.post("/feedback", json=GOOD)

    assert "class 19, ..., received 'green'" in reply.json["detail"]
    assert "class 20" not in reply.json["detail"]


def test_off(client):
    """A gateway that keeps no log says so."""
    web = create_app(Settings(models=("tiny",)), client).test_client()

    reply = web.post("/feedback", json=GOOD)

    assert (reply.status_code, reply.json["code"]) == (404, "feedback_off")
