"""A contract that disagrees with its graph is never believed."""

from __future__ import annotations

from dataclasses import replace

import pytest

from gateway import wire
from gateway.errors import ModelMismatch
from gateway.signatures import (
    METADATA_FIELD,
    check_contract,
    has_explanation,
    read_signatures,
)
from tests.tiny_model import tiny_contract


def add_tensor(tensors, name, dtype, shape):
    """One TensorInfo; a shape of None is an unknown rank."""
    info = tensors[name]
    info.dtype = wire.DATA_TYPES[dtype]
    info.tensor_shape.unknown_rank = shape is None
    for length in shape or ():
        info.tensor_shape.dim.add(size=length)


def make_signatures(images=("DT_UINT8", (-1, 8, 10, 3)), scores=("DT_FLOAT", (-1, 3))):
    """The tiny model's signatures, or others."""
    signatures = wire.SignatureDefMap()
    predict = signatures.signature_def["serving_default"]
    add_tensor(predict.inputs, "images", *images)
    add_tensor(predict.outputs, "scores", *scores)
    described = signatures.signature_def["contract"]
    add_tensor(described.outputs, "contract", "DT_STRING", ())
    return signatures


def test_agrees():
    """The tiny model's contract agrees with its signatures."""
    check_contract(tiny_contract(), make_signatures())


@pytest.mark.parametrize(
    "images, scores",
    [
        ((-1, -1, -1, 3), (-1, -1)),
        (None, None),
        ((1, 8, 10, 3), (1, 3)),
    ],
)
def test_open_shapes(images, scores):
    """Lengths that the graph leaves open, or fixes to one image, do not disagree."""
    signatures = make_signatures(("DT_UINT8", images), ("DT_FLOAT", scores))

    check_contract(tiny_contract(), signatures)


@pytest.mark.parametrize(
    "changes, message",
    [
        ({"images": ("DT_FLOAT", (-1, 8, 10, 3))}, "DT_UINT8"),
        ({"images": ("DT_UINT8", (-1, 10, 8, 3))}, "shape"),
        ({"images": ("DT_UINT8", (8, 10, 3))}, "shape"),
        ({"images": ("DT_UINT8", (-1, 8, 10, 1))}, "shape"),
        ({"scores": ("DT_DOUBLE", (-1, 3))}, "DT_FLOAT"),
        ({"scores": ("DT_FLOAT", (-1, 2))}, "shape"),
        ({"scores": ("DT_FLOAT", (-1,))}, "shape"),
    ],
)
def test_disagrees(changes, message):
    """Another dtype, size, channel or class count is a mismatch that says which."""
    with pytest.raises(ModelMismatch, match=message):
        check_contract(tiny_contract(), make_signatures(**changes))


@pytest.mark.parametrize(
    "signature, kind, name",
    [
        ("serving_default", "inputs", "images"),
        ("serving_default", "outputs", "scores"),
        ("contract", "outputs", "contract"),
    ],
)
def test_missing(signature, kind, name):
    """A missing tensor or signature is named, beside those that are there."""
    signatures = make_signatures()
    del getattr(signatures.signature_def[signature], kind)[name]

    with pytest.raises(ModelMismatch, match=f"'{name}'.*none"):
        check_contract(tiny_contract(), signatures)

    del signatures.signature_def[signature]
    with pytest.raises(ModelMismatch, match=f"signature '{signature}'"):
        check_contract(tiny_contract(), signatures)


def test_resize_rule():
    """A model that wants another resize rule than ours is refused, not fed wrongly."""
    contract = tiny_contract()
    contract = replace(contract, image=replace(contract.image, resize="center-crop"))

    with pytest.raises(ModelMismatch, match="center-crop"):
        check_contract(contract, make_signatures())


def test_metadata():
    """The signatures are unpacked from the reply; a reply without them is refused."""
    reply = wire.GetModelMetadataResponse()
    reply.metadata[METADATA_FIELD].Pack(make_signatures())

    assert read_signatures(reply) == make_signatures()
    with pytest.raises(ModelMismatch):
        read_signatures(wire.GetModelMetadataResponse())


def make_explain(signatures, inputs=("images",), outputs=("scores", "heatmap")):
    """The signature explain with tensors of these names, added in place."""
    explain = signatures.signature_def["explain"]
    for name in inputs:
        add_tensor(explain.inputs, name, "DT_UINT8", (-1, 8, 10, 3))
    for name in outputs:
        add_tensor(explain.outputs, name, "DT_FLOAT", None)
    return signatures


def test_explanation():
    """A model with all tensors of the explain signature can explain."""
    assert has_explanation(tiny_contract(), make_explain(make_signatures()))
    assert not has_explanation(tiny_contract(), make_signatures())


@pytest.mark.parametrize(
    "inputs, outputs",
    [
        (("input_8",), ("scores", "heatmap")),
        (("images",), ("scores",)),
        (("images",), ("heatmap",)),
    ],
)
def test_explanation_of_other_names(inputs, outputs):
    """An explain signature that lacks a tensor of the contract is not one of ours."""
    signatures = make_explain(make_signatures(), inputs, outputs)

    assert not has_explanation(tiny_contract(), signatures)
    check_contract(tiny_contract(), signatures)
