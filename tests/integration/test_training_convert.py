"""An exported model in other runtimes: the same scores, or nothing written."""

from __future__ import annotations

import json
import re
import sys

import numpy as np
import openvino
import pytest
import tensorflow as tf
from PIL import Image

from serving.flags import read_flags
from tests.tiny_model import tiny_contract, write_tiny_model
from training.conversion import convert_model
from training.convert import main, parse_arguments
from training.errors import ConversionRefused, UnfitData, UnfitModel

FILES = {
    "onnx": {"model.onnx"},
    "openvino": {"model.xml", "model.bin"},
}
# softmax(1, 0, 0): what write_tiny_model says of a picture that is all red.
RED_SCORES = np.array([np.e, 1, 1]) / (np.e + 2)


@pytest.fixture(name="model", scope="module")
def _model(tmp_path_factory):
    """models/tiny with one version, whose scores can be worked out by hand."""
    return write_tiny_model(tmp_path_factory.mktemp("models") / "tiny").parent


@pytest.mark.parametrize("file_format", FILES)
def test_same_scores(model, tmp_path, file_format):
    """Any number of pictures goes in as uint8 by name, the right scores come out."""
    output = tmp_path / "made" / "elsewhere"

    conversion = convert_model(model, file_format, output)

    core = openvino.Core()
    exact = {"INFERENCE_PRECISION_HINT": "f32"}
    compiled = core.compile_model(str(conversion.model_file), "CPU", exact)
    red = np.zeros((3, 8, 10, 3), np.uint8)
    red[..., 0] = 255
    scores = compiled({"images": red})["scores"]
    assert {path.name for path in output.iterdir()} == FILES[file_format] | {
        "contract.json",
        "conversion.json",
    }
    np.testing.assert_allclose(scores, np.tile(RED_SCORES, (3, 1)), atol=1e-6)
    assert (output / "contract.json").read_text("utf-8") == tiny_contract().to_json()


def test_facts(model, tmp_path, datasets_dir):
    """Real photos are compared as well, and the file says how close they are."""
    photos = sorted((datasets_dir / "pizza-not-pizza" / "test" / "pizza").iterdir())

    convert_model(model, "onnx", tmp_path / "onnx", [str(path) for path in photos[:9]])

    facts = json.loads((tmp_path / "onnx" / "conversion.json").read_text("utf-8"))
    assert facts["model"] == "tiny/1"
    assert facts["file"] == "model.onnx"
    assert facts["in_float32"]["precision"] == "f32"
    for way in ("in_float32", "as_it_comes"):
        assert (facts[way]["noise"], facts[way]["photos"]) == (8, 9)
    assert facts["in_float32"]["difference"] <= facts["allowed_difference"] == 1e-4


@pytest.mark.parametrize("file_format", FILES)
def test_other_answers(tmp_path, file_format):
    """Where rounding decides the scores, no two runtimes agree: nothing is written."""
    model = write_rounding_model(tmp_path / "models" / "rounding")

    with pytest.raises(ConversionRefused, match="scores within 0.0001"):
        convert_model(model, file_format, tmp_path / "output")

    assert [path.name for path in tmp_path.iterdir()] == ["models"]


def write_rounding_model(folder):
    """Scores of the rounding error of a mean, a hundred million times enlarged."""
    contract = tiny_contract(labels=("a", "b"), size=(64, 64))
    with tf.Graph().as_default(), tf.compat.v1.Session() as session:
        images = tf.compat.v1.placeholder(tf.uint8, [None, 64, 64, 3], "images")
        pixels = tf.cast(images, tf.float32) / 255.0
        twice = tf.reduce_mean(tf.reduce_mean(pixels, axis=[3]), axis=[1, 2])
        once = tf.reduce_mean(tf.reduce_mean(pixels, axis=[1, 2]), axis=[1])
        logits = tf.stack([(twice - once) * 1e8, tf.zeros_like(once)], axis=1)
        info = tf.compat.v1.saved_model.build_tensor_info
        predict = tf.compat.v1.saved_model.build_signature_def(
            {"images": info(images)}, {"scores": info(tf.nn.softmax(logits))}, "p"
        )
        builder = tf.compat.v1.saved_model.Builder(str(folder / "1"))
        builder.add_meta_graph_and_variables(
            session, ["serve"], {"serving_default": predict}
        )
        builder.save()
    extra = folder / "1" / "assets.extra"
    extra.mkdir()
    (extra / "contract.json").write_text(contract.to_json(), "utf-8")
    return folder


@pytest.mark.parametrize("name, package", [("onnx", "tf2onnx"), ("onnx", "openvino")])
def test_missing_package(model, tmp_path, monkeypatch, name, package):
    """A package that is not installed is named, with the way to get it."""
    monkeypatch.setitem(sys.modules, package, None)

    with pytest.raises(ConversionRefused, match=f"{package} is missing.*exports"):
        convert_model(model, name, tmp_path / "output")

    assert not list(tmp_path.iterdir())


def test_occupied(model, tmp_path):
    """What lies in the folder already is left alone."""
    (tmp_path / "notes.txt").write_text("mine", "utf-8")

    with pytest.raises(ConversionRefused, match="not there yet"):
        convert_model(model, "onnx", tmp_path)

    assert [path.name for path in tmp_path.iterdir()] == ["notes.txt"]


def test_no_model(tmp_path):
    """A folder without a version is a sentence."""
    with pytest.raises(UnfitModel, match="saved_model.pb"):
        convert_model(tmp_path, "onnx", tmp_path / "output")


def test_broken_photo(model, tmp_path):
    """A photo that is none is named before anything is converted."""
    path = tmp_path / "broken.jpg"
    path.write_bytes(b"no picture")

    with pytest.raises(UnfitData, match="broken.jpg"):
        convert_model(model, "onnx", tmp_path / "output", [str(path)])

    assert list(tmp_path.iterdir()) == [path]


def test_program(model, tmp_path, monkeypatch, capsys):
    """The program says where the model lies and how close it is; a second time, no."""
    photo = tmp_path / "photo.png"
    Image.new("RGB", (20, 16), (255, 0, 0)).save(photo)
    output = tmp_path / "converted"
    arguments = ["--model", str(model), "--to", "openvino", "--output", str(output)]
    monkeypatch.setattr(sys, "argv", ["convert", *arguments, str(photo)])

    codes = main(), main()

    told = capsys.readouterr()
    assert codes == (0, 1)
    assert str(output / "model.xml") in told.out
    assert "8 pictures of noise, 1 photos" in told.out
    assert "convert: expected a folder that is not there yet" in told.err


def test_ctrl_c(model, tmp_path, monkeypatch, capsys):
    """An interrupted conversion leaves nothing behind and says so."""

    def interrupt(*_arguments, **_options):
        raise KeyboardInterrupt

    output = tmp_path / "converted"
    arguments = ["--model", str(model), "--to", "openvino", "--output", str(output)]
    monkeypatch.setattr(sys, "argv", ["convert", *arguments])
    monkeypatch.setattr(openvino, "save_model", interrupt)

    code = main()

    assert code == 130
    assert "nothing was written" in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


def test_help_is_true(capsys):
    """The flags of the embedded server that the help names are flags it has."""
    with pytest.raises(SystemExit):
        parse_arguments(["--help"])

    told = " ".join(capsys.readouterr().out.split())
    command = read_flags(re.findall(r"--(?:mixed_precision|engine)=\w+", told))
    assert command.settings.mixed_precision == "bfloat16"
    assert command.settings.engine == "openvino"
    assert not command.unknown + command.without_effect
