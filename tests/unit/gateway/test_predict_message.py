"""The hand-written frame is the message that the library would have written."""

from __future__ import annotations

import numpy as np
import pytest

from gateway import wire
from gateway.predict_message import write_predict


def ask(name="tiny", **fields):
    """A request without inputs."""
    return wire.PredictRequest(model_spec=wire.ModelSpec(name=name), **fields)


@pytest.mark.parametrize(
    "shape",
    [
        (1, 1, 1, 1),
        (1, 1, 42, 3),
        (1, 1, 43, 3),
        (1, 74, 73, 3),
        (1, 74, 74, 3),
        (3, 8, 10, 3),
        (7, 320, 320, 3),
        (0, 8, 10, 3),
    ],
)
def test_message(shape):
    """Read back, it is the same request, whatever lengths the frame has to tell.

    126, 129, 16,206 and 16,428 bytes lie around the steps of a varint: 2**7 and 2**14.
    """
    batch = np.random.default_rng(3).integers(0, 256, shape, np.uint8)
    expected = ask(output_filter=["scores"])
    tensor = expected.inputs["images"]
    tensor.dtype, tensor.tensor_content = wire.DT_UINT8, batch.tobytes()
    for length in shape:
        tensor.tensor_shape.dim.add(size=length)

    message = write_predict(ask(output_filter=["scores"]), "images", batch)

    assert wire.PredictRequest.FromString(message) == expected


def test_names():
    """Names may be long or not ASCII."""
    batch = np.zeros((1, 2, 2, 3), np.uint8)
    for name in ("i", "Bilder größer", "x" * 200):
        message = write_predict(ask(), name, batch)

        (read,) = wire.PredictRequest.FromString(message).inputs
        assert read == name


def test_strided_batch():
    """A view with holes is sent as the pixels it shows."""
    pixels = np.arange(24, dtype=np.uint8).reshape(1, 2, 4, 3)

    message = write_predict(ask(), "images", pixels[:, :, ::2])

    tensor = wire.PredictRequest.FromString(message).inputs["images"]
    assert tensor.tensor_content == bytes([0, 1, 2, 6, 7, 8, 12, 13, 14, 18, 19, 20])
    assert [dim.size for dim in tensor.tensor_shape.dim] == [1, 2, 2, 3]
