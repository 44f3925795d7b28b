"""The contract's text: what is written comes back, what is wrong is named."""

from __future__ import annotations

import dataclasses
import json

import pytest

from gateway.contract import InvalidContract, read_contract
from tests.tiny_model import tiny_contract


def change(path, value):
    """The tiny contract's JSON with one value replaced; None removes it."""
    document = json.loads(tiny_contract().to_json())
    *parents, name = path.split(".")
    part = document
    for parent in parents:
        part = part[parent]
    if value is None:
        del part[name]
    else:
        part[name] = value
    return json.dumps(document)


def test_round_trip():
    """What to_json writes, read_contract gives back, names of any script included."""
    contract = tiny_contract(labels=("пицца", "not pizza"), size=(160, 224))

    assert read_contract(contract.to_json()) == contract
    assert read_contract(contract.to_json().encode()) == contract
    assert contract.image.size == (160, 224)


def test_published_weights():
    """A model that was neither trained nor judged here says null, not a figure."""
    contract = dataclasses.replace(tiny_contract(), data=None, evaluation=None)

    document = json.loads(contract.to_json())

    assert document["data"] is None and document["evaluation"] is None
    assert read_contract(contract.to_json()) == contract


def test_newer_writer():
    """Fields that we do not know are left out, in every part."""
    document = json.loads(change("novelty", {"a": 1}))
    document["image"]["crop"] = "center"

    assert read_contract(json.dumps(document)) == tiny_contract()


@pytest.mark.parametrize(
    "text, message",
    [
        ("", "JSON"),
        ("[]", "object"),
        ("{", "JSON"),
        (b"\xff\xfe", "JSON"),
        (change("schema_version", 2), "schema version 1, received 2"),
        (change("schema_version", None), "received None"),
        (change("labels", None), "labels"),
        (change("labels", ["one"]), "two or more different"),
        (change("labels", ["one", "one"]), "two or more different"),
        (change("labels", "cat,dog"), "list of names"),
        (change("labels", [1, 2]), "list of names"),
        (change("image", None), "'image'"),
        (change("image", 5), "'image'"),
        (change("image.width", None), "'image'.*width"),
        (change("image.height", 0), "positive image size"),
        (change("image.height", 1.5), "positive image size"),
        (change("evaluation.test_accuracy", None), "'evaluation'"),
        (change("evaluation", None), "'evaluation'"),
        (change("evaluation", 0.9), "'evaluation'"),
        (change("data", None), "'data'"),
        (change("tensors", []), "'tensors'"),
        (change("data.train", None), "'data'"),
        (change("backbone", None), "backbone"),
    ],
)
def test_refused(text, message):
    """A contract that cannot be followed is refused, and the message says why."""
    with pytest.raises(InvalidContract, match=message):
        read_contract(text)
