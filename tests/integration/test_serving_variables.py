"""Version folders whose variables or assets are missing, cut short or damaged."""

from __future__ import annotations

import shutil

import numpy as np
import pytest
import tensorflow as tf
from grpc import StatusCode

from serving.errors import ServingError
from serving.saved_model import SessionOptions, load_saved_model
from tests.integration import format_models
from tests.integration.serving_calls import predict, refusal
from tests.integration.serving_models import (
    build_half_plus,
    write_graph,
    write_tf2_model,
)

DATA, INDEX = "variables.data-00000-of-00001", "variables.index"
TF1_NODE = "\n\t [[{{node save/RestoreV2}}]]"
WORDS = np.array([b"pear", b"", b"apple"], np.object_)


def write_tf1_model(folder):
    """y = x / 2 + 1, with variables."""
    return write_graph(folder, build_half_plus(1))


def load(folder):
    """Load with the default session."""
    return load_saved_model(folder, ("serve",), SessionOptions())


def fail(folder):
    """The code and the message of a folder that does not load."""
    with pytest.raises(ServingError) as caught:
        load(folder)
    return caught.value.code, caught.value.message


def lose_variables(folder):
    """As a copy that left out the folder."""
    shutil.rmtree(folder / "variables")


def lose_files(folder):
    """As a copy of folders only."""
    for path in (folder / "variables").iterdir():
        path.unlink()


def lose_index(folder):
    """As a copy that is not finished."""
    (folder / "variables" / INDEX).unlink()


@pytest.mark.parametrize("damage", [lose_variables, lose_files, lose_index])
@pytest.mark.parametrize("write", [write_tf1_model, write_tf2_model])
def test_no_variables(start_model_server, tmp_path, write, damage):
    """Without an index the model loads, as in TensorFlow; who reads one fails."""
    damage(write(tmp_path / "m" / "1"))
    server = start_model_server(tmp_path / "m", name="m", max_num_load_retries=0)

    code, _ = refusal(server, "m", x=np.float32([[4]]))

    assert code is StatusCode.FAILED_PRECONDITION


def test_init_without_variables(start_model_server, tmp_path):
    """Tables are filled all the same."""
    lose_variables(format_models.write_tf2_table(tmp_path / "m" / "1"))
    server = start_model_server(tmp_path / "m", name="m", max_num_load_retries=0)

    _, outputs = predict(server, "m", word=WORDS)

    assert outputs["number"].tolist() == [1, -1, 0]


@pytest.mark.parametrize(
    "write",
    [
        write_tf1_model,
        write_tf2_model,
        format_models.write_keras3_export,
        format_models.write_keras2_saved,
    ],
)
def test_no_data(tmp_path, write):
    """An index without its data is NOT_FOUND: one line, and where in the graph."""
    path = write(tmp_path / "1") / "variables" / DATA
    path.unlink()

    code, message = fail(tmp_path / "1")

    assert code is StatusCode.NOT_FOUND
    first, place = message.split("\n")
    assert first == f"{path}; No such file or directory"
    assert place.startswith("\t [[{{") and place.endswith("RestoreV2}}]]")


@pytest.mark.parametrize("write", [write_tf1_model, format_models.write_keras3_export])
def test_cut_data(tmp_path, write):
    """Data that ends early is OUT_OF_RANGE, as TensorFlow says it."""
    path = write(tmp_path / "1") / "variables" / DATA
    path.write_bytes(path.read_bytes()[:-1])

    code, message = fail(tmp_path / "1")

    assert code is StatusCode.OUT_OF_RANGE
    first, place = message.split("\n")
    assert first == "Read less bytes than requested"
    assert place.startswith("\t [[{{") and place.endswith("RestoreV2}}]]")


def test_damaged_data(tmp_path):
    """Data of other bytes is DATA_LOSS: its checksum tells."""
    path = write_tf1_model(tmp_path / "1") / "variables" / DATA
    path.write_bytes(b"\xff" * path.stat().st_size)

    code, message = fail(tmp_path / "1")

    assert code is StatusCode.DATA_LOSS
    assert "Checksum does not match" in message
    assert message.endswith(TF1_NODE)


@pytest.mark.parametrize(
    "index, reason",
    [
        (b"", "file is too short to be an sstable"),
        (b"\xff" * 200, "not an sstable (bad magic number)"),
    ],
)
def test_damaged_index(tmp_path, index, reason):
    """An index that is none is DATA_LOSS."""
    path = write_tf1_model(tmp_path / "1") / "variables" / INDEX
    path.write_bytes(index)

    assert fail(tmp_path / "1") == (StatusCode.DATA_LOSS, reason + TF1_NODE)


def test_other_variables(tmp_path):
    """Variables of another model are NOT_FOUND by name."""
    folder = write_tf1_model(tmp_path / "1")
    other = write_graph(tmp_path / "2", build_offset(1.0))
    lose_variables(folder)
    (other / "variables").rename(folder / "variables")

    code, message = fail(folder)

    assert code is StatusCode.NOT_FOUND
    assert message == f"Key a not found in checkpoint{TF1_NODE}"


def build_offset(value):
    """A build function: y = x + b."""

    def build():
        values = tf.compat.v1.placeholder(tf.float32, [None], "x")
        offset = tf.compat.v1.get_variable("b", initializer=value, use_resource=False)
        return {"x": values}, {"y": tf.add(values, offset, name="y")}

    return build


def test_other_shape(tmp_path):
    """A variable of another shape than the graph's is INVALID_ARGUMENT."""
    folder = write_graph(tmp_path / "1", build_offset(1.0))
    other = write_graph(tmp_path / "2", build_offset([1.0, 2.0, 3.0]))
    lose_variables(folder)
    (other / "variables").rename(folder / "variables")

    code, message = fail(folder)

    assert code is StatusCode.INVALID_ARGUMENT
    assert message.endswith("\n\t [[{{node save/Assign}}]]")
    assert len(message.splitlines()) == 2


@pytest.mark.parametrize(
    "write",
    [
        format_models.write_tf1_table,
        format_models.write_tf1_legacy_table,
        format_models.write_tf2_table,
    ],
)
def test_lost_asset(tmp_path, write):
    """A table whose file is gone fails the load with NOT_FOUND and the file."""
    path = write(tmp_path / "1") / "assets" / "words.txt"
    path.unlink()

    code, message = fail(tmp_path / "1")

    assert code is StatusCode.NOT_FOUND
    assert message.splitlines()[0] == f"{path}; No such file or directory"


def test_cut_asset(tmp_path):
    """A table whose file has fewer lines than when it was saved is what it says."""
    path = format_models.write_tf2_table(tmp_path / "1") / "assets" / "words.txt"
    path.write_text("apple\n", encoding="utf-8")
    model = load(tmp_path / "1")

    outputs = model.run(model.signature(""), {"word": WORDS}, ["number"])
    model.close()

    assert outputs["number"].tolist() == [-1, -1, 0]


def test_empty_asset(tmp_path):
    """A table whose file has no byte is OUT_OF_RANGE."""
    path = format_models.write_tf2_table(tmp_path / "1") / "assets" / "words.txt"
    path.write_bytes(b"")

    assert fail(tmp_path / "1")[0] is StatusCode.OUT_OF_RANGE


def test_no_fingerprint(tmp_path):
    """TensorFlow's fingerprint is for people: a model without it loads."""
    folder = format_models.write_keras3_export(tmp_path / "1")
    (folder / "fingerprint.pb").unlink()
    model = load(folder)

    outputs = model.run(
        model.signature(""), {"pair": np.float32([[1, 1]])}, ["output_0"]
    )
    model.close()

    assert outputs["output_0"].tolist() == [[6.0]]
