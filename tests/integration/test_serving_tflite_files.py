"""What a model.tflite says of itself, and files that are damaged."""

from __future__ import annotations

import numpy as np
import pytest
from grpc import StatusCode

from serving.errors import ServingError
from serving.tflite_model import TfliteModel, load_tflite
from tests.integration.tflite_models import (
    add_metadata,
    add_signatures,
    convert_both,
    convert_line,
    line_signature,
)

PREDICT, REGRESS = "tensorflow/serving/predict", "tensorflow/serving/regress"


@pytest.fixture(name="line", scope="module")
def _line():
    """The file of y = x / 2 + 2."""
    return convert_line()


def test_written_signatures(line):
    """An author's signatures count, of names before and after converters changed."""
    content = add_signatures(
        line,
        {
            "serving_default": line_signature(PREDICT, takes="x", gives="y"),
            "regress": line_signature(REGRESS, takes="inputs", gives="outputs"),
        },
    )

    model = TfliteModel(content, 1)

    assert sorted(model.signatures) == ["regress", "serving_default"]
    assert model.signature("regress").method_name == REGRESS
    outputs = model.run(model.signature(""), {"x": np.float32([[8]])}, ["y"])
    assert outputs["y"].tolist() == [[6]]


@pytest.mark.parametrize(
    "source, code", [("nobody:0", StatusCode.INTERNAL), ("", StatusCode.INTERNAL)]
)
def test_unknown_tensor(line, source, code):
    """A signature over a tensor that is not there does not load."""
    definition = line_signature(PREDICT, source, takes="x", gives="y")

    with pytest.raises(ServingError) as caught:
        TfliteModel(add_signatures(line, {"serving_default": definition}), 1)

    assert caught.value.code is code
    assert f"expected a tensor for x, found none named {source!r}" in (
        caught.value.message
    )


@pytest.mark.parametrize("data", [b"", b"\x00", b"no map at all", b"\xff" * 40])
def test_damaged_signatures(line, data):
    """Metadata that holds no signatures is a reason not to load, and no crash."""
    with pytest.raises(ServingError) as caught:
        TfliteModel(add_metadata(line, data), 1)

    assert caught.value.code is StatusCode.INVALID_ARGUMENT
    assert "Invalid SignatureDefs found in TfLite model" in caught.value.message


@pytest.mark.parametrize("cut", [0, 4, 200, -100])
def test_damaged_file(tmp_path, line, cut):
    """A file that is cut short does not load."""
    (tmp_path / "model.tflite").write_bytes(line[:cut])

    with pytest.raises(ServingError) as caught:
        load_tflite(tmp_path / "model.tflite", 1)

    assert caught.value.code is StatusCode.INVALID_ARGUMENT


def test_outputs_called_alike():
    """Of tensors that differ behind the colon alone the made-up signature has one."""
    model = TfliteModel(convert_both(), 1)
    signature = model.signature("")

    (name,) = signature.outputs
    outputs = model.run(signature, {"serving_default_x": np.float32([1, 2])}, [name])

    assert signature.outputs[name].tensor_name == "PartitionedCall:1"
    assert signature.outputs[name].shape == (2, 1)
    assert outputs[name].tolist() == [[3], [6]]
