"""TensorProto to arrays and text, in both encodings a model server may answer with."""

from __future__ import annotations

import math

import numpy as np
from google.protobuf.message import Message
from numpy.typing import NDArray

from gateway import wire
from gateway.errors import ModelMismatch


def to_floats(tensor: Message) -> NDArray[np.float32]:
    """The float32 array of a reply, from tensor_content or from float_val.

    A list that is shorter than the shape repeats its last value, and an empty one is
    zeros: that is how TensorFlow writes constant tensors.

    Raises:
        ModelMismatch: Another dtype, or more or fewer bytes than the shape says.
    """
    if tensor.dtype != wire.DT_FLOAT:
        raise ModelMismatch(f"expected float32 from the model, received {tensor.dtype}")
    shape = tuple(dim.size for dim in tensor.tensor_shape.dim)
    count = math.prod(shape)
    if tensor.tensor_content:
        values = np.frombuffer(tensor.tensor_content, np.dtype("<f4"))
    else:
        values = np.fromiter(tensor.float_val, np.float32)
        fill = values[-1] if values.size else 0.0
        values = np.append(values, np.full(max(0, count - values.size), fill, "f4"))
    if values.size != count or min(shape, default=0) < 0:
        raise ModelMismatch(f"expected {shape} numbers, received {values.size}")
    return values.reshape(shape).astype(np.float32, copy=False)


def check_heatmaps(heatmaps: NDArray[np.float32], count: int) -> None:
    """Refuse what cannot be laid over count pictures: (n, rows, columns) of 0-1.

    Raises:
        ModelMismatch: Another rank or count, nothing in it, or values beyond 0-1.
    """
    if heatmaps.ndim != 3 or len(heatmaps) != count or not heatmaps.size:
        raise ModelMismatch(
            f"expected heatmaps for {count} images, received the shape "
            f"{heatmaps.shape}"
        )
    # NaN is in no range, so it is refused here too.
    if not ((heatmaps >= 0) & (heatmaps <= 1)).all():
        raise ModelMismatch("expected heatmaps from 0 to 1, received other values")


def to_text(tensor: Message) -> bytes:
    """The one string of a reply, as bytes.

    Raises:
        ModelMismatch: Another dtype, or not exactly one string.
    """
    if tensor.dtype != wire.DT_STRING or len(tensor.string_val) != 1:
        raise ModelMismatch(
            f"expected one string from the model, received {len(tensor.string_val)} "
            f"of dtype {tensor.dtype}"
        )
    return tensor.string_val[0]
