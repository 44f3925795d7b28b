"""What a load runs, init ops, restore and assets: when it fails, and with which code.

The codes are those of TensorFlow's C++ loader over the same folders.
"""

from __future__ import annotations

import pytest
import tensorflow as tf
from grpc import StatusCode

from tests.integration.edited_models import fail_edited, write_model
from tests.integration.format_models import write_tf1_table
from tests.integration.serving_models import write_graph

INIT = "__saved_model_init_op"


def name_init_ops(*names):
    """An edit: the collection of operations that are run at the start."""

    def edit(graph):
        graph.collection_def["saved_model_main_op"].node_list.value[:] = names

    return edit


def sign_init_op(graph):
    """TensorFlow 2's way, naming an operation that is not there."""
    graph.signature_def[INIT].outputs[INIT].name = "nobody"


def sign_nothing(graph):
    """TensorFlow 2's way, naming nothing."""
    graph.signature_def[INIT].method_name = "nothing"


@pytest.mark.parametrize(
    "edit, code, message",
    [
        (
            name_init_ops("nobody"),
            StatusCode.NOT_FOUND,
            "PruneForTargets: Some target nodes not found: nobody ",
        ),
        (
            sign_init_op,
            StatusCode.NOT_FOUND,
            "PruneForTargets: Some target nodes not found: nobody ",
        ),
        (
            sign_nothing,
            StatusCode.FAILED_PRECONDITION,
            f"Could not find output {INIT}",
        ),
        (
            name_init_ops("y"),
            StatusCode.INVALID_ARGUMENT,
            "You must feed a value for placeholder tensor 'x' with dtype float and "
            "shape [?,1]\n\t [[{{node x}}]]",
        ),
    ],
)
def test_init_ops(tmp_path, edit, code, message):
    """The operation that fills the tables must be there and able to run alone."""
    assert fail_edited(write_model(tmp_path / "1"), edit) == (code, message)


@pytest.mark.parametrize("names", [(), ("x", "y")])
def test_number_of_init_ops(tmp_path, names):
    """None or two where one is expected is FAILED_PRECONDITION."""
    folder = write_model(tmp_path / "1")

    assert fail_edited(folder, name_init_ops(*names)) == (
        StatusCode.FAILED_PRECONDITION,
        f"Expected exactly one main op in : {folder}",
    )


def test_init_op_fails(tmp_path):
    """What the operation says is what the load says, in two lines."""

    def build():
        number = tf.compat.v1.placeholder_with_default(1, [], "number")
        check = tf.debugging.Assert(tf.equal(number, 2), ["no two"], name="check")
        tf.group(check, name="start")
        return {"number": number}, {"same": tf.identity(number, name="same")}

    folder = write_graph(tmp_path / "1", build)

    assert fail_edited(folder, name_init_ops("start")) == (
        StatusCode.INVALID_ARGUMENT,
        "assertion failed: [no two]\n\t [[{{node check/Assert}}]]",
    )


def name_restore(graph):
    """A restore operation that is not there."""
    graph.saver_def.restore_op_name = "nobody"


def test_no_restore_op(tmp_path):
    """A saver that names nothing is NOT_FOUND."""
    assert fail_edited(write_model(tmp_path / "1"), name_restore) == (
        StatusCode.NOT_FOUND,
        "PruneForTargets: Some target nodes not found: nobody ",
    )


def damage_asset(entries):
    """An entry that is no message."""
    entries[0].value = b"\xff\xff"


def retype_asset(entries):
    """An entry that is another message."""
    entries[0].type_url = "x/y"


def repeat_asset(entries):
    """One tensor for two files; TensorFlow Serving loads no such model, nor do we."""
    entries.add().CopyFrom(entries[0])


@pytest.mark.parametrize(
    "edit, code",
    [
        (damage_asset, StatusCode.FAILED_PRECONDITION),
        (retype_asset, StatusCode.FAILED_PRECONDITION),
        (repeat_asset, StatusCode.INVALID_ARGUMENT),
    ],
)
def test_unreadable_assets(tmp_path, edit, code):
    """A list of assets that is none, or has one twice, is refused."""

    def edit_assets(graph):
        edit(graph.collection_def["saved_model_assets"].any_list.value)

    assert fail_edited(write_tf1_table(tmp_path / "1"), edit_assets)[0] is code
