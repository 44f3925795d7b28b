"""Predict over gRPC with values at the edges, and callers that do not wait."""

from __future__ import annotations

import grpc
import numpy as np
import pytest
import tensorflow as tf

from serving.served_model import ModelConfig
from tests.integration.example_models import (
    build_half_plus_two,
    example,
    write_signatures,
)
from tests.integration.serving_calls import (
    call,
    predict,
    predict_request,
    prediction_stub,
    refusal,
)
from tests.integration.serving_models import build_join, write_graph

NUMBERS = (
    tf.float32,
    tf.float64,
    tf.float16,
    tf.bfloat16,
    tf.int8,
    tf.int16,
    tf.int32,
    tf.int64,
    tf.uint8,
    tf.uint16,
    tf.uint32,
    tf.uint64,
    tf.complex64,
    tf.complex128,
    tf.bool,
)


def build_echo():
    """An output for each input, the same values; every dtype, any shape."""
    v1 = tf.compat.v1
    inputs = {dtype.name: v1.placeholder(dtype, None) for dtype in NUMBERS}
    return inputs, {name: tf.identity(value) for name, value in inputs.items()}


def build_slow():
    """Counts from start to 0; the lowest int64 / 2 takes longer than anybody waits."""
    start = tf.compat.v1.placeholder(tf.int64, [], "start")
    count = tf.while_loop(lambda i: i < 0, lambda i: i + 1, [start])
    return {"start": start}, {"count": tf.identity(count, name="count")}


def build_twice():
    """Two names for one output tensor."""
    x = tf.compat.v1.placeholder(tf.float32, [None], "x")
    y = tf.multiply(x, 2.0, name="y")
    return {"x": x}, {"double": y, "twice": y}


@pytest.fixture(name="folder", scope="module")
def _folder(tmp_path_factory):
    """Base paths of small models, version 1."""
    folder = tmp_path_factory.mktemp("models")
    builds = {
        "echo": build_echo,
        "slow": build_slow,
        "twice": build_twice,
        "join": build_join,
    }
    for name, build in builds.items():
        write_graph(folder / name / "1", build)
    write_signatures(folder / "half_plus_two" / "1", build_half_plus_two)
    return folder


def serve(start_model_server, folder, **flags):
    """A server with every model of the folder."""
    return start_model_server(
        configs=[
            ModelConfig(name=path.name, base_path=str(path))
            for path in sorted(folder.iterdir())
        ],
        **flags,
    )


@pytest.fixture(name="server", scope="module")
def _server(start_model_server, folder):
    return serve(start_model_server, folder)


@pytest.fixture(name="content_server", scope="module")
def _content_server(start_model_server, folder):
    """The same, answering with tensor_content."""
    flag = {"enable_serialization_as_tensor_content": True}
    return serve(start_model_server, folder, **flag)


def values_of(dtype, shape):
    """Values of the dtype, among them its lowest and highest."""
    kind = dtype.as_numpy_dtype
    array = np.zeros(shape, kind)
    if array.size and dtype != tf.bool and not dtype.is_complex:
        array.flat[0], array.flat[-1] = dtype.min, dtype.max
    return array


@pytest.mark.parametrize("shape", [(), (0,), (3,), (2, 0, 3), (1, 1, 1, 1, 2)])
@pytest.mark.parametrize("fixture", ["server", "content_server"])
def test_every_dtype(request, fixture, shape):
    """Every dtype and shape comes back bit by bit, in both encodings."""
    server = request.getfixturevalue(fixture)
    sent = {dtype.name: values_of(dtype, shape) for dtype in NUMBERS}

    _, outputs = predict(server, "echo", **sent)

    for name, array in sent.items():
        assert outputs[name].dtype == array.dtype
        assert outputs[name].shape == shape
        assert outputs[name].tobytes() == array.tobytes()


def test_not_a_number(server):
    """NaN, the infinities and the negative zero keep their bits."""
    special = np.float32([np.nan, np.inf, -np.inf, -0.0, 1e-45])
    sent = {dtype.name: values_of(dtype, (1,)) for dtype in NUMBERS}

    _, outputs = predict(server, "echo", **{**sent, "float32": special})

    assert outputs["float32"].tobytes() == special.tobytes()


@pytest.mark.parametrize("texts", [[], [b""], [b"\x00\xff", b"a" * 70000]])
def test_texts(server, texts):
    """No text, an empty one, and bytes that are none come back whole."""
    array = np.array([*texts, None], np.object_)[:-1]

    _, outputs = predict(server, "join", left=array, right=array)

    assert outputs["joined"].tolist() == [text * 2 for text in texts]


def test_shared_tensor(server):
    """Two outputs may be one tensor; a filter picks either."""
    _, outputs = predict(server, "twice", x=np.float32([1]))
    request = predict_request("twice", x=np.float32([1]))
    request.output_filter.extend(["twice", "double"])

    response = call(server, "Predict", request)

    assert {name: array.tolist() for name, array in outputs.items()} == {
        "double": [2.0],
        "twice": [2.0],
    }
    assert set(response.outputs) == {"double", "twice"}


def test_deadline(server):
    """A run is given up when its caller's time is over."""
    request = predict_request("slow", start=np.int64(-(2**62)))

    with prediction_stub(server) as stub:
        error = stub.Predict.future(request, timeout=0.3).exception()

    assert error.code() is grpc.StatusCode.DEADLINE_EXCEEDED
    assert predict(server, "slow", start=np.int64(-5))[1]["count"].item() == 0


def test_callers_that_leave(server):
    """Calls that are cancelled in the middle disturb nobody."""
    request = predict_request("slow", start=np.int64(-100_000))

    with prediction_stub(server) as stub:
        calls = [stub.Predict.future(request, timeout=30) for _ in range(20)]
        for leaving in calls:
            leaving.cancel()

    assert all(leaving.cancelled() for leaving in calls)
    assert predict(server, "twice", x=np.float32([3]))[1]["twice"].tolist() == [6.0]


@pytest.mark.parametrize("signature", ["regress_x_to_y", "classify_x_to_y"])
def test_predict_on_examples(server, signature):
    """Predict may call signatures of the other methods, feeding bytes by hand."""
    examples = np.array([example(x=2.0).SerializeToString()], np.object_)

    _, outputs = predict(server, "half_plus_two", signature=signature, inputs=examples)

    assert [array.tolist() for array in outputs.values()] == [[[3.0]]]


def test_broken_example(server):
    """Bytes that are no tf.Example are refused by the graph."""
    code, details = refusal(
        server,
        "half_plus_two",
        signature="regress_x_to_y",
        inputs=np.array([b"\xff\xff"], np.object_),
    )

    assert code is grpc.StatusCode.INVALID_ARGUMENT
    assert "Could not parse example input, value: '\ufffd\ufffd'" in details
