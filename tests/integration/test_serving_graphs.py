"""Messages that are no graph TensorFlow runs: the load says so, with its code.

The codes are those of TensorFlow's C++ loader over the same folders.
"""

from __future__ import annotations

import pytest
from grpc import StatusCode

from tests.integration.edited_models import fail_edited, write_model
from tests.integration.format_models import write_keras3_export


def find_node(graph, name):
    """The node of that name."""
    return next(node for node in graph.graph_def.node if node.name == name)


def find_constant(graph):
    """The first node that is a constant."""
    return next(node for node in graph.graph_def.node if node.op == "Const")


def lose_shape(graph):
    """A size below -1."""
    for dim in find_node(graph, "x").attr["shape"].shape.dim:
        dim.size = -7


def lose_edge(graph):
    """An operation without its inputs."""
    find_node(graph, "y").ClearField("input")


def misname_edge(graph):
    """An operation that reads what is not there."""
    find_node(graph, "y").input[0] = "gone"


def loop(graph):
    """An operation that waits for itself."""
    find_node(graph, "y").input[0] = "y"


def repeat_node(graph):
    """Two operations of one name."""
    graph.graph_def.node.add().CopyFrom(graph.graph_def.node[0])


def need_newer(graph):
    """A graph for a TensorFlow to come."""
    graph.graph_def.versions.min_consumer = 99999


def place_elsewhere(graph):
    """An operation for another machine's GPU."""
    find_node(graph, "y").device = "/job:other/task:7/gpu:3"


@pytest.mark.parametrize(
    "edit, reason",
    [
        (lose_shape, "below -1"),
        (lose_edge, "0 inputs specified"),
        (misname_edge, "Unknown input node 'gone'"),
        (loop, "cycle"),
        (repeat_node, "not unique"),
        (need_newer, "99999"),
        (place_elsewhere, "Cannot assign a device for operation y"),
    ],
)
def test_impossible_graphs(tmp_path, edit, reason):
    """A graph that contradicts itself or this machine is INVALID_ARGUMENT."""
    code, message = fail_edited(write_model(tmp_path / "1"), edit)

    assert code is StatusCode.INVALID_ARGUMENT
    assert reason in message.splitlines()[0]


def lose_value(graph):
    """A constant without a value."""
    del find_constant(graph).attr["value"]


def shrink_value(graph):
    """A constant of a negative size."""
    find_constant(graph).attr["value"].tensor.tensor_shape.dim.add().size = -3


def hide_value(graph):
    """A constant of unknown rank."""
    find_constant(graph).attr["value"].tensor.tensor_shape.unknown_rank = True


@pytest.mark.parametrize("edit", [lose_value, shrink_value, hide_value])
def test_constants(tmp_path, edit):
    """A constant that has no value is FAILED_PRECONDITION, by name."""
    folder = write_model(tmp_path / "1")

    code, message = fail_edited(folder, edit)

    assert code is StatusCode.FAILED_PRECONDITION
    assert "a/Initializer/initial_value" in message


def rename_operation(graph):
    """An operation of somebody's own library, in the graph or in a function."""
    functions = graph.graph_def.library.function
    nodes = [node for function in functions for node in function.node_def]
    for node in (*nodes, *graph.graph_def.node):
        if node.op == "AddV2":
            node.op = "OurOwnAdd"


@pytest.mark.parametrize("write", [write_model, write_keras3_export])
def test_unknown_operation(tmp_path, write):
    """An operation TensorFlow does not have is NOT_FOUND, by its type."""
    code, message = fail_edited(write(tmp_path / "1"), rename_operation)

    assert code is StatusCode.NOT_FOUND
    assert message.startswith("Op type not registered 'OurOwnAdd' in binary running on")
