"""Models of TensorFlow 1 and 2, Keras 2 and 3, in the forms they are written in."""

from __future__ import annotations

import numpy as np
import pytest
from grpc import StatusCode
from tensorflow.core.framework import types_pb2

from serving.errors import ServingError
from serving.saved_model import SessionOptions, load_saved_model
from serving.served_model import ModelConfig
from tests.integration import format_models
from tests.integration.serving_calls import predict, refusal
from tests.integration.serving_models import build_half_plus, write_graph

WORDS = np.array([b"pear", b"", b"apple"], np.object_)
NUMBERS = {"number": [1, -1, 0]}
PAIRS = np.float32([[1, 1], [0, 2]])
SUMS = [[6.0], [7.0]]
CALLS = {
    "tf1_table": ({"word": WORDS}, NUMBERS),
    "tf1_legacy_table": ({"word": WORDS}, NUMBERS),
    "tf2_table": ({"word": WORDS}, NUMBERS),
    "keras3_export": ({"pair": PAIRS}, {"output_0": SUMS}),
    "keras2_export": ({"pair": PAIRS}, {"output_0": SUMS}),
    "keras2_saved": ({"pair": PAIRS}, {"sum": SUMS}),
    # 6 3 10 5 16 8 4 2 1
    "control_flow": ({"n": np.int64(6)}, {"steps": 8}),
    "ragged": ({"text": np.array([b"a b c", b""], np.object_)}, {"words": [3, 0]}),
    "two_graphs": ({"x": np.float32([1, 2])}, {"y": [2.0, 3.0]}),
}


@pytest.fixture(name="server", scope="module")
def _server(start_model_server, tmp_path_factory):
    """One server with every format, each model named as its writer."""
    folder = tmp_path_factory.mktemp("models")
    for name in CALLS:
        getattr(format_models, f"write_{name}")(folder / name / "1")
    return start_model_server(
        configs=[ModelConfig(name=name, base_path=str(folder / name)) for name in CALLS]
    )


@pytest.mark.parametrize("name", CALLS)
def test_formats(server, name):
    """Every format loads, with its tables and variables, and answers."""
    inputs, expected = CALLS[name]

    _, outputs = predict(server, name, **inputs)

    assert {key: array.tolist() for key, array in outputs.items()} == expected


@pytest.mark.parametrize(
    "tags, expected", [(["serve"], 2.0), ([""], 2.0), (["gpu", "serve"], 3.0)]
)
def test_tags(tmp_path, tags, expected):
    """The graph whose tags are exactly those asked for is served."""
    folder = format_models.write_two_graphs(tmp_path / "1")

    model = load_saved_model(folder, tags, SessionOptions())
    signature = model.signature("")
    outputs = model.run(signature, {"x": np.float32([1])}, ("y",))
    model.close()

    assert outputs["y"].tolist() == [expected]


@pytest.mark.parametrize("tags", [["gpu"], ["serve", "gpu", "tpu"]])
def test_other_tags(tmp_path, tags):
    """Fewer or more tags than a graph has are not its tags."""
    folder = format_models.write_two_graphs(tmp_path / "1")

    with pytest.raises(ServingError) as caught:
        load_saved_model(folder, tags, SessionOptions())

    assert caught.value.code is StatusCode.NOT_FOUND


def test_text_format(tmp_path, start_model_server):
    """A model as saved_model.pbtxt, with files of no concern beside it, is served."""
    folder = write_graph(tmp_path / "m" / "1", build_half_plus(2))
    format_models.turn_to_text(folder)
    (folder / "fingerprint.pb").write_bytes(b"anything")
    (folder / "assets.extra").mkdir()
    (folder / "assets.extra" / "notes.txt").touch()
    server = start_model_server(tmp_path / "m", name="m")

    _, outputs = predict(server, "m", x=np.float32([[4]]))

    assert outputs["y"].tolist() == [[4.0]]


def spoil(graph):
    """Signatures that nobody can call, beside the good one."""
    good = graph.signature_def["serving_default"]
    for name in ("sparse", "composite", "nameless", "gone", "variant", "bare"):
        graph.signature_def[name].CopyFrom(good)
    sparse = graph.signature_def["sparse"].outputs["y"]
    sparse.coo_sparse.values_tensor_name = "y:0"
    composite = graph.signature_def["composite"].outputs["y"]
    composite.composite_tensor.components.add().name = "y:0"
    graph.signature_def["nameless"].inputs["x"].ClearField("name")
    graph.signature_def["gone"].outputs["y"].name = "gone:0"
    graph.signature_def["variant"].inputs["x"].dtype = types_pb2.DT_VARIANT
    # What TensorFlow reads as x:0 and y:0.
    graph.signature_def["bare"].inputs["x"].name = "x"
    graph.signature_def["bare"].outputs["y"].name = "y"


@pytest.fixture(name="spoiled", scope="module")
def _spoiled(start_model_server, tmp_path_factory):
    """y = x / 2 + 2, and signatures that cannot be called."""
    folder = tmp_path_factory.mktemp("models") / "m"
    write_graph(folder / "1", build_half_plus(2))
    format_models.edit_model(
        folder / "1", lambda message: spoil(message.meta_graphs[0])
    )
    return start_model_server(folder, name="m")


@pytest.mark.parametrize("signature", ["sparse", "composite", "nameless", "gone"])
def test_uncallable_signatures(spoiled, signature):
    """A signature without a plain tensor is refused; the model's others answer."""
    code, _ = refusal(spoiled, "m", signature=signature, x=np.float32([[4]]))

    _, outputs = predict(spoiled, "m", x=np.float32([[4]]))

    assert code is StatusCode.INVALID_ARGUMENT
    assert outputs["y"].tolist() == [[4.0]]


@pytest.mark.parametrize("signature", ["variant", "bare"])
def test_odd_signatures(spoiled, signature):
    """A dtype that is wrong and a name without its index do no harm."""
    _, outputs = predict(spoiled, "m", signature=signature, x=np.float32([[4]]))

    assert outputs["y"].tolist() == [[4.0]]
