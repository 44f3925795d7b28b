"""Folders that do not load, and runs that take too long."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf
from grpc import StatusCode

from serving.errors import ServingError
from serving.saved_model import SessionOptions, load_saved_model
from tests.integration.format_models import turn_to_text
from tests.integration.serving_models import build_half_plus, write_graph


@pytest.fixture(name="folder")
def _folder(tmp_path):
    """A version folder with variables: y = x / 2 + 1."""
    return write_graph(tmp_path / "m" / "1", build_half_plus(1))


def load(folder, tags=("serve",)):
    """Load with the default session."""
    return load_saved_model(folder, tags, SessionOptions())


def test_no_model(tmp_path):
    """A folder without saved_model.pb is NOT_FOUND and says which folder."""
    with pytest.raises(ServingError) as caught:
        load(tmp_path)

    assert caught.value.code is StatusCode.NOT_FOUND
    assert caught.value.message == (
        "Specified file path does not appear to contain a SavedModel bundle (should "
        f"have a file called `saved_model.pb`)\nSpecified file path: {tmp_path}"
    )


def test_session_bundle(tmp_path):
    """TensorFlow's format before SavedModel is UNIMPLEMENTED."""
    (tmp_path / "export.meta").touch()

    with pytest.raises(ServingError) as caught:
        load(tmp_path)

    assert caught.value.code is StatusCode.UNIMPLEMENTED


def fail(folder):
    """The code and the message of a folder that does not load."""
    with pytest.raises(ServingError) as caught:
        load(folder)
    return caught.value.code, caught.value.message


def cut(path, size=1):
    """Take bytes from the end of a file."""
    path.write_bytes(path.read_bytes()[:-size])


@pytest.mark.parametrize("size", [1, 100])
def test_cut_graph(folder, size):
    """A saved_model.pb that ends early (being copied?) is OUT_OF_RANGE."""
    cut(folder / "saved_model.pb", size)

    assert fail(folder) == (StatusCode.OUT_OF_RANGE, "Read less bytes than requested")


# TensorFlow reads 512 KiB at once.
@pytest.mark.parametrize("size", [100, 2**19, 2**19 + 1])
def test_damaged_graph(folder, size):
    """A saved_model.pb that is no message is DATA_LOSS."""
    path = folder / "saved_model.pb"
    path.write_bytes(b"\xff" * size)

    assert fail(folder) == (
        StatusCode.DATA_LOSS,
        f"Can't parse {path} as binary proto",
    )


def lose_all(path):
    """A file without a byte."""
    path.write_bytes(b"")


def turn_to_folder(path):
    """A folder where the file should be, which TensorFlow reads as an empty one."""
    path.unlink()
    path.mkdir()


@pytest.mark.parametrize("damage", [lose_all, turn_to_folder])
def test_empty_graph(folder, damage):
    """A saved_model.pb without a byte is a message without graphs: NOT_FOUND."""
    damage(folder / "saved_model.pb")

    code, message = fail(folder)

    assert code is StatusCode.NOT_FOUND
    assert message.startswith("Could not find meta graph def matching supplied tags: ")


@pytest.mark.parametrize("text", [b"meta_graphs { no_such_field: 1 }", b"\xff\xfe"])
def test_damaged_text(folder, text):
    """A saved_model.pbtxt that is no message, or no text, is DATA_LOSS."""
    (folder / "saved_model.pb").unlink()
    (folder / "saved_model.pbtxt").write_bytes(text)

    code, message = fail(folder)

    assert code is StatusCode.DATA_LOSS
    assert message.startswith(f"Can't parse {folder}/saved_model.pbtxt as text proto")


def test_binary_before_text(folder):
    """Where both forms lie, the binary one counts, damaged or not."""
    turn_to_text(folder)
    (folder / "saved_model.pb").write_bytes(b"\xff" * 100)

    assert fail(folder)[0] is StatusCode.DATA_LOSS


def test_wrong_tags(folder):
    """A meta graph of other tags is NOT_FOUND."""
    with pytest.raises(ServingError) as caught:
        load(folder, tags=("serve", "gpu"))

    assert caught.value.code is StatusCode.NOT_FOUND
    assert "{ serve gpu }" in caught.value.message
    assert "The model has { serve };" in caught.value.message


def test_timeout(tmp_path):
    """A run that takes too long is DEADLINE_EXCEEDED, whoever waits."""

    def build():
        limit = tf.compat.v1.placeholder(tf.int64, [], "limit")
        count = tf.while_loop(lambda i: i < limit, lambda i: i + 1, [tf.int64.min // 2])
        return {"limit": limit}, {"count": tf.identity(count, name="count")}

    model = load(write_graph(tmp_path / "1", build))
    signature = model.signature("")

    with pytest.raises(ServingError) as caught:
        model.run(signature, {"limit": np.int64(0)}, ["count"], timeout_seconds=0.05)
    model.close()

    assert caught.value.code is StatusCode.DEADLINE_EXCEEDED
