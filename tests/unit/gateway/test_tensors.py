"""Arrays and TensorProto: both encodings, and what does not fit."""

from __future__ import annotations

import numpy as np
import pytest

from gateway import wire
from gateway.errors import ModelMismatch
from gateway.tensors import check_heatmaps, to_floats, to_text


def tensor(shape=(), dtype=wire.DT_FLOAT, **values):
    """One TensorProto."""
    proto = wire.TensorProto(dtype=dtype, **values)
    for length in shape:
        proto.tensor_shape.dim.add(size=length)
    return proto


@pytest.mark.parametrize(
    "proto",
    [
        tensor((2, 2), float_val=[1, 2, 3, 4]),
        tensor((2, 2), tensor_content=np.array([1, 2, 3, 4], "<f4").tobytes()),
    ],
    ids=["float_val", "tensor_content"],
)
def test_encodings(proto):
    """Both encodings of a reply give the same array."""
    floats = to_floats(proto)

    np.testing.assert_array_equal(floats, [[1, 2], [3, 4]])
    assert floats.dtype == np.float32


@pytest.mark.parametrize(
    "values, expected", [([1, 2], [[1, 2], [2, 2]]), ([], [[0, 0], [0, 0]])]
)
def test_short_list(values, expected):
    """A short list repeats its last value, as TensorFlow reads it."""
    floats = to_floats(tensor((2, 2), float_val=values))

    np.testing.assert_array_equal(floats, expected)


@pytest.mark.parametrize(
    "proto",
    [
        tensor((2,), dtype=wire.DT_UINT8, tensor_content=b"ab"),
        tensor((2,), float_val=[1, 2, 3]),
        tensor((2,), tensor_content=bytes(4)),
        tensor((-1, 2), float_val=[1, 2]),
        tensor((-1, -1), float_val=[1]),
        wire.TensorProto(),
    ],
)
def test_misfits(proto):
    """A reply whose numbers do not fit its shape or dtype is refused."""
    with pytest.raises(ModelMismatch):
        to_floats(proto)


def test_text():
    """One string is read as bytes; none, two or another dtype are refused."""
    assert to_text(tensor(dtype=wire.DT_STRING, string_val=[b"a"])) == b"a"
    for proto in (
        tensor(dtype=wire.DT_STRING),
        tensor(dtype=wire.DT_STRING, string_val=[b"a", b"b"]),
        tensor(float_val=[1]),
    ):
        with pytest.raises(ModelMismatch):
            to_text(proto)


def test_heatmaps():
    """One heatmap a picture, from 0 to 1, both included."""
    check_heatmaps(np.array([[[0, 1]], [[0.5, 0.25]]], np.float32), count=2)


@pytest.mark.parametrize(
    "shape", [(2, 7), (1, 7, 7), (3, 7, 7), (2, 0, 7), (2, 7, 7, 1)]
)
def test_heatmaps_of_another_shape(shape):
    """Another rank, another count or no cells at all is refused."""
    with pytest.raises(ModelMismatch, match="for 2 images"):
        check_heatmaps(np.zeros(shape, np.float32), count=2)


@pytest.mark.parametrize("value", [-0.001, 1.001, np.nan, np.inf])
def test_heatmaps_beyond_their_range(value):
    """A single cell that is no number from 0 to 1 is refused."""
    heatmaps = np.array([[[0.5, value]]], np.float32)

    with pytest.raises(ModelMismatch, match="from 0 to 1"):
        check_heatmaps(heatmaps, count=1)
