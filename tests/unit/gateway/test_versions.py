"""version= and label=: in the address, in a form, in JSON; and what is not loaded."""

from __future__ import annotations

import numpy as np
import pytest

from gateway.classification import classify
from gateway.deadline import Deadline
from gateway.errors import ModelMismatch, UnknownVersion
from gateway.targets import Target
from tests.tiny_model import tiny_contract
from tests.unit.gateway.sending import encode_base64, send_form, send_json, send_raw

DEADLINE = Deadline.after(3600)  # from the import on, whenever a test runs


def draw_black(size):
    """One black image of any size."""
    return np.zeros((1, *size, 3), np.uint8)


@pytest.fixture(autouse=True)
def _two_versions(client):
    """Version 2 is the latest; version 1 is the stable one."""
    client.versions[2] = tiny_contract(labels=("cat", "dog", "owl"))
    client.labels["stable"] = 1


def ask_everywhere(web, red, name, value):
    """The replies to one wish in the address, in a form and in JSON."""
    return [
        web.post(f"/predict?{name}={value}", data=red, content_type="image/png"),
        send_form(web, red, **{name: value}),
        send_json(web, {"image": encode_base64(red), name: value}),
    ]


@pytest.mark.parametrize(
    "name, value, version",
    [
        ("version", "1", 1),
        ("version", "2", 2),
        ("version", "", 2),
        ("label", "stable", 1),
        ("label", "", 2),
    ],
)
def test_named(web, red, name, value, version):
    """The version that was named answers, under its own labels; else the latest."""
    for reply in ask_everywhere(web, red, name, value):
        assert reply.status_code == 200
        assert reply.json["version"] == version
        label = {1: "red", 2: "cat"}[version]
        assert reply.json["predictions"][0]["label"] == label


@pytest.mark.parametrize("name, value", [("version", "7"), ("label", "blue")])
def test_not_loaded(web, red, name, value):
    """A version or label that is not there is the caller's mistake: 404."""
    for reply in ask_everywhere(web, red, name, value):
        assert (reply.status_code, reply.json["code"]) == (404, "unknown_version")


@pytest.mark.parametrize("fields", [{"version": "x"}, {"label": "a", "version": "1"}])
def test_no_version(web, red, client, fields):
    """What can be no version is told before the model is asked."""
    replies = [
        web.post("/predict", query_string=fields, data=red, content_type="image/png"),
        send_form(web, red, **fields),
        send_json(web, {"image": encode_base64(red), **fields}),
    ]

    for reply in replies:
        assert (reply.status_code, reply.json["code"]) == (400, "invalid_request")
    assert not client.batches


def test_explained_version(web, red):
    """POST /explain refuses a version that is not there, as /predict does."""
    reply = web.post("/explain?version=7", data=red, content_type="image/png")

    assert (reply.status_code, reply.json["code"]) == (404, "unknown_version")


def test_moved_label(web, client, red):
    """A label that is moved to another version brings that version's own labels."""
    before = web.post("/predict?label=stable", data=red, content_type="image/png")
    client.labels["stable"] = 2

    after = web.post("/predict?label=stable", data=red, content_type="image/png")

    assert (before.json["version"], after.json["version"]) == (1, 2)
    assert after.json["predictions"][0]["label"] == "cat"


def test_unloaded_version(web, client, red):
    """A named version that was known and is gone is a 404; the latest still answers."""
    assert web.post("/predict?version=1", data=red).status_code == 200
    del client.versions[1]

    gone = web.post("/predict?version=1", data=red)

    assert (gone.status_code, gone.json["code"]) == (404, "unknown_version")
    assert send_raw(web, red).json["version"] == 2


def test_unloaded_after_its_answer(client, target):
    """A caller who named no version is never told that it is unknown."""
    ask = client.predict

    def answer_and_unload(target, batch, deadline):
        reply = ask(target, batch, deadline)
        # Another version answers, and it is gone when its contract is asked for.
        return type(reply)(3, reply.scores)

    client.predict = answer_and_unload

    with pytest.raises(ModelMismatch) as told:
        classify(client, target, draw_black, DEADLINE)

    assert isinstance(told.value.__cause__, UnknownVersion)
    assert Target("tiny", 3) not in client.cached
