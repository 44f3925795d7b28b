"""SignatureDef.defaults over gRPC: inputs that may be left out."""

from __future__ import annotations

import grpc
import numpy as np
import pytest
import tensorflow as tf

from tests.integration.format_models import edit_model
from tests.integration.serving_calls import (
    predict,
    predict_request,
    refusal,
    refusal_of,
)
from tests.integration.serving_models import write_graph

INVALID = grpc.StatusCode.INVALID_ARGUMENT


def build_line():
    """y = x slope + offset."""
    v1 = tf.compat.v1
    x = v1.placeholder(tf.float32, [None], "x")
    slope = v1.placeholder(tf.float32, [], "slope")
    offset = v1.placeholder(tf.float32, [], "offset")
    inputs = {"x": x, "slope": slope, "offset": offset}
    return inputs, {"y": tf.add(x * slope, offset, name="y")}


def add_defaults(message):
    """slope is 2 and offset 10 where they are left out; "bad" has no shape for one."""
    signatures = message.meta_graphs[0].signature_def
    defaults = signatures["serving_default"].defaults
    defaults["slope"].CopyFrom(tf.make_tensor_proto(np.float32(2)))
    defaults["offset"].CopyFrom(tf.make_tensor_proto(np.float32(10)))
    signatures["bad"].CopyFrom(signatures["serving_default"])
    signatures["bad"].defaults["slope"].tensor_shape.unknown_rank = True


@pytest.fixture(name="server", scope="module")
def _server(start_model_server, tmp_path_factory):
    base_path = tmp_path_factory.mktemp("models") / "line"
    edit_model(write_graph(base_path / "1", build_line), add_defaults)
    return start_model_server(base_path, name="line")


@pytest.mark.parametrize(
    "more, expected",
    [
        ({}, [12.0, 14.0]),
        ({"slope": np.float32(3)}, [13.0, 16.0]),
        ({"offset": np.float32(0)}, [2.0, 4.0]),
        ({"slope": np.float32(0), "offset": np.float32(1)}, [1.0, 1.0]),
    ],
)
def test_defaults(server, more, expected):
    """What is sent counts, what is left out is the default."""
    _, outputs = predict(server, "line", x=np.float32([1, 2]), **more)

    assert outputs["y"].tolist() == expected


@pytest.mark.parametrize(
    "inputs, part",
    [
        ({}, "Signature input alias: x(feed name: x:0) not found in request"),
        ({"slope": 1.0}, "or default input alias set: offset,slope"),
        ({"x": [1.0], "z": 1.0}, "Inputs contains invalid name."),
        ({"x": [1.0], "slope": 1.0, "offset": 1.0, "z": 1.0}, "Sent extra: {z}."),
    ],
)
def test_wrong_names(server, inputs, part):
    """Defaults excuse neither a missing input without one nor an unknown name."""
    arrays = {name: np.float32(value) for name, value in inputs.items()}

    code, details = refusal(server, "line", **arrays)

    assert code is INVALID
    assert part in details


def test_default_of_other_dtype(server):
    """A value that was sent is checked although there is a default."""
    code, details = refusal(server, "line", x=np.float32([1]), slope=np.float64(1))

    assert code is INVALID
    assert "to be float but double is provided" in details


def test_bad_default(server):
    """A default that is no tensor is found by the call that needs it."""
    request = predict_request("line", signature="bad", x=np.float32([1]))

    refused = refusal_of(server, request)
    _, outputs = predict(
        server, "line", signature="bad", x=np.float32([1]), slope=np.float32(1)
    )

    assert refused == (INVALID, "tensor parsing error: slope")
    assert outputs["y"].tolist() == [11.0]
