"""Which inputs reach a kernel that ends the process, read from GraphDefs."""

from __future__ import annotations

import pytest
from tensorflow.core.framework import graph_pb2

from serving.fatal_kernels import RankReader


def graph(*nodes, **functions):
    """A GraphDef of (name, op, *inputs); functions: their nodes, after the argument."""
    message = graph_pb2.GraphDef()
    for name, op, *inputs in nodes:
        message.node.add(name=name, op=op, input=inputs)
    for function, body in functions.items():
        entry = message.library.function.add()
        entry.signature.name = function
        entry.signature.input_arg.add(name="arg")
        for name, op, *inputs in body:
            entry.node_def.add(name=name, op=op, input=inputs)
    return message


X = ("x", "Placeholder")


@pytest.mark.parametrize(
    "nodes, rank",
    [
        ([], 0),
        ([("y", "Relu", "x")], 0),
        ([("y", "Conv2D", "x", "k")], 4),
        ([("y", "Conv2D", "x:0", "k")], 4),
        ([("y", "Conv3D", "x", "k")], 5),
        ([("y", "LSTMBlockCell", "x")], 2),
        ([("s", "Mul", "c", "x"), ("p", "Pad", "s"), ("y", "Conv2D", "p", "k")], 4),
        ([("y", "Conv2D", "k", "x")], 0),
        ([("r", "Reshape", "x", "s"), ("y", "Conv2D", "r", "k")], 0),
        ([("y", "Conv2D", "k", "c", "^x")], 0),
        ([("a", "Relu", "x"), ("y", "Conv2D", "a"), ("z", "Conv3D", "a")], 5),
        # A loop of the first TensorFlow's control flow.
        ([("a", "Identity", "b"), ("b", "Add", "a", "x")], 0),
    ],
)
def test_paths(nodes, rank):
    """A kernel counts where the input reaches its first place with its own rank."""
    reader = RankReader(graph(X, *nodes))

    assert reader.find_least_rank("x:0") == rank
    assert reader.find_least_rank("x") == rank


@pytest.mark.parametrize(
    "body, rank",
    [
        ([("y", "Conv2D", "arg", "k")], 4),
        ([("s", "RealDiv", "arg", "c"), ("y", "Conv2D", "s:z:0", "k")], 4),
        ([("s", "Reshape", "arg", "c"), ("y", "Conv2D", "s:output:0", "k")], 0),
        ([("y", "again", "arg")], 0),
    ],
)
@pytest.mark.parametrize("is_plain", [True, False])
def test_functions(body, rank, is_plain):
    """A function is looked into, however it is called and whom it calls."""
    message = graph(
        X, ("y", "again" if is_plain else "PartitionedCall", "x"), again=body
    )
    if not is_plain:
        message.node[1].attr["f"].func.name = "again"

    assert RankReader(message).find_least_rank("x:0") == rank


@pytest.mark.parametrize(
    "nodes, body, is_fatal",
    [
        ([X], [], False),
        ([X, ("y", "Conv2D", "k")], [], True),
        ([X], [("y", "DepthwiseConv2dNative", "k")], True),
        ([X, ("y", "Conv2DBackpropInput", "k")], [], False),
    ],
)
def test_kernels(nodes, body, is_fatal):
    """A graph is fatal by its own kernels and by its functions'."""
    reader = RankReader(graph(*nodes, inner=body))

    assert reader.has_fatal_kernels is is_fatal
