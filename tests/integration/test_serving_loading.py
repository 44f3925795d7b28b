"""Folders that do not load, and runs that take too long."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf
from grpc import StatusCode

from serving.errors import ServingError
from serving.saved_model import SessionOptions, load_saved_model
from tests.integration.format_models import edit_model, write_tf1_table
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


def test_damaged_graph(folder):
    """A saved_model.pb that is no message is DATA_LOSS."""
    (folder / "saved_model.pb").write_bytes(b"\xff" * 100)

    with pytest.raises(ServingError) as caught:
        load(folder)

    assert caught.value.code is StatusCode.DATA_LOSS


def test_empty_graph(folder):
    """A saved_model.pb without a byte is a message without graphs: NOT_FOUND."""
    (folder / "saved_model.pb").write_bytes(b"")

    with pytest.raises(ServingError) as caught:
        load(folder)

    assert caught.value.code is StatusCode.NOT_FOUND


@pytest.mark.parametrize("text", [b"meta_graphs { no_such_field: 1 }", b"\xff\xfe"])
def test_damaged_text(folder, text):
    """A saved_model.pbtxt that is no message, or no text, is DATA_LOSS."""
    (folder / "saved_model.pb").unlink()
    (folder / "saved_model.pbtxt").write_bytes(text)

    with pytest.raises(ServingError) as caught:
        load(folder)

    assert caught.value.code is StatusCode.DATA_LOSS


def test_folder_for_graph(folder):
    """A folder where saved_model.pb should be fails with the file system's own code."""
    (folder / "saved_model.pb").unlink()
    (folder / "saved_model.pb").mkdir()

    with pytest.raises(ServingError) as caught:
        load(folder)

    assert caught.value.code is StatusCode.FAILED_PRECONDITION


def test_truncated_variables(folder):
    """Variables that end early are OUT_OF_RANGE, as TensorFlow says it."""
    path = folder / "variables" / "variables.data-00000-of-00001"
    path.write_bytes(path.read_bytes()[:-1])

    with pytest.raises(ServingError) as caught:
        load(folder)

    assert caught.value.code is StatusCode.OUT_OF_RANGE


def lose_init_op(graph):
    """The table is filled by an operation that is not there."""
    graph.collection_def["saved_model_main_op"].node_list.value[:] = ["nobody"]


def lose_shape(graph):
    """A size below -1."""
    for node in graph.graph_def.node:
        for dim in node.attr["shape"].shape.dim:
            dim.size = -7


def lose_edge(graph):
    """An operation without its inputs."""
    for node in graph.graph_def.node:
        if node.name == "y":
            node.ClearField("input")


def loop(graph):
    """An operation that waits for itself."""
    for node in graph.graph_def.node:
        if node.name == "y":
            node.input[0] = "y"


@pytest.mark.parametrize("edit", [lose_init_op, lose_shape, lose_edge, loop])
def test_broken_graphs(folder, edit):
    """A message that is no graph is an error of the load with a code and a text."""
    edit_model(folder, lambda message: edit(message.meta_graphs[0]))

    with pytest.raises(ServingError) as caught:
        load(folder)

    assert caught.value.code in (
        StatusCode.INVALID_ARGUMENT,
        StatusCode.NOT_FOUND,
    )
    assert caught.value.message


def test_lost_asset(tmp_path):
    """A table whose file is gone fails the load with NOT_FOUND."""
    folder = write_tf1_table(tmp_path / "1")
    (folder / "assets" / "words.txt").unlink()

    with pytest.raises(ServingError) as caught:
        load(folder)

    assert caught.value.code is StatusCode.NOT_FOUND


def test_missing_variables(folder):
    """Variables without data are NOT_FOUND, as TensorFlow says it."""
    (folder / "variables" / "variables.data-00000-of-00001").unlink()

    with pytest.raises(ServingError) as caught:
        load(folder)

    assert caught.value.code is StatusCode.NOT_FOUND


def test_wrong_tags(folder):
    """A meta graph of other tags is NOT_FOUND."""
    with pytest.raises(ServingError) as caught:
        load(folder, tags=("serve", "gpu"))

    assert caught.value.code is StatusCode.NOT_FOUND
    assert "{ serve gpu }" in caught.value.message


def test_unknown_operation(folder):
    """A graph with an operation TensorFlow does not have is refused, not fatal."""
    path = folder / "saved_model.pb"
    data = path.read_bytes()
    path.write_bytes(data.replace(b"\x05AddV2", b"\x05AddV9"))

    with pytest.raises(ServingError):
        load(folder)

    assert b"\x05AddV2" in data


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
