"""Hypothesis strategies of TensorProtos that contradict themselves or the models."""

from __future__ import annotations

from hypothesis import strategies as st
from tensorflow.core.framework import tensor_pb2

int64s = st.sampled_from((0, 1, 2, 3, -1, 2**31 - 1, 2**31, 2**62, 2**63 - 1, -(2**63)))
sides = st.sampled_from((0, 1, 1, 2, 3, 8, 10, 1000, 1001)) | int64s
dtypes = st.integers(0, 30) | st.sampled_from((-1, 101, 107, 2**31 - 1))
floats = st.floats(width=32)
_LISTS = {
    "float_val": floats,
    "double_val": st.floats(),
    "int_val": st.integers(-(2**31), 2**31 - 1),
    "int64_val": int64s,
    "uint64_val": st.integers(0, 2**64 - 1),
    "uint32_val": st.integers(0, 2**32 - 1),
    "bool_val": st.booleans(),
    "string_val": st.binary(max_size=8),
    "half_val": st.integers(-1, 2**31 - 1),
    "scomplex_val": floats,
    "dcomplex_val": st.floats(),
}


@st.composite
def tensors(draw):
    """A TensorProto whose shape, dtype and contents know nothing of each other."""
    proto = tensor_pb2.TensorProto(dtype=draw(dtypes))
    shape = draw(st.lists(sides, max_size=5) | st.just([1] * 300))
    for side in shape:
        proto.tensor_shape.dim.add(size=side)
    proto.tensor_shape.unknown_rank = draw(st.integers(0, 9)) == 0
    if draw(st.booleans()):
        proto.tensor_content = draw(st.binary(max_size=64) | st.just(bytes(240)))
    field = draw(st.sampled_from(sorted(_LISTS)))
    getattr(proto, field).extend(draw(st.lists(_LISTS[field], max_size=6)))
    proto.version_number = draw(st.sampled_from((0, 0, 7, -1)))
    return proto


@st.composite
def near_tensors(draw):
    """A TensorProto that fits one of the models but for one thing at most."""
    proto = tensor_pb2.TensorProto(dtype=draw(st.sampled_from((1, 4, 7, 2, 3))))
    shape = draw(st.sampled_from(((1, 8, 10, 3), (2, 1), (3,), ())))
    for side in shape:
        proto.tensor_shape.dim.add(size=side)
    proto.float_val.extend([1.5] * (proto.dtype == 1))
    proto.string_val.extend([b"\xff"] * (proto.dtype == 7))
    if shape and draw(st.booleans()):
        place = draw(st.integers(0, len(shape) - 1))
        proto.tensor_shape.dim[place].size = draw(sides)
    return proto
