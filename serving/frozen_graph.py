"""The part of a loaded graph that computes some tensors, as constants and arithmetic.

What another runtime can take over: a graph that keeps no state and refuses no values.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import tensorflow as tf
from tensorflow.core.framework import graph_pb2, node_def_pb2
from tensorflow.python.framework import convert_to_constants, op_def_registry

# Nothing else in the graph is called so.
OUTPUT_PREFIX = "serving_engine_output_"
# Stateful in name only: what they call is looked at for itself.
_CALLS = frozenset({"If", "PartitionedCall", "StatefulPartitionedCall", "While"})
# Not stateful, but what they are for is to end the run.
_CHECKS = frozenset({"CheckNumerics", "CheckNumericsV2"})
_BROKEN_GRAPH = (LookupError, RuntimeError, TypeError, ValueError, tf.errors.OpError)


class NotFreezable(Exception):
    """The graph does more than compute its outputs from its inputs."""


def freeze_graph(
    session: tf.compat.v1.Session, tensor_names: Sequence[str]
) -> graph_pb2.GraphDef:
    """The graph of these tensors, variables read once; changes nothing in the session.

    The tensors come out as OUTPUT_PREFIX + their place in the list.

    Raises:
        NotFreezable: It keeps state, draws at random or refuses values: TensorFlow's
            own answer and error are then not those of its arithmetic.
    """
    graph = session.graph.as_graph_def()
    freeze = convert_to_constants.convert_variables_to_constants_from_session_graph
    try:
        outputs = [
            _add_output(graph, index, session.graph.get_tensor_by_name(name))
            for index, name in enumerate(tensor_names)
        ]
        frozen = freeze(session, graph, outputs)
    except _BROKEN_GRAPH as error:
        raise NotFreezable(f"{error}".split("\n", maxsplit=1)[0]) from error
    for node in _list_nodes(frozen):
        if _is_more_than_arithmetic(node.op):
            raise NotFreezable(f"{node.op} is more than arithmetic")
    return frozen


def _add_output(graph: graph_pb2.GraphDef, index: int, tensor: tf.Tensor) -> str:
    """A node that nothing reads: other runtimes give only those, by their names."""
    node = graph.node.add(name=f"{OUTPUT_PREFIX}{index}", op="Identity")
    node.input.append(tensor.name)
    node.attr["T"].type = tensor.dtype.as_datatype_enum
    return node.name


def _list_nodes(graph: graph_pb2.GraphDef) -> Iterator[node_def_pb2.NodeDef]:
    """The nodes, and those of the functions they call; others are never run."""
    functions = {
        function.signature.name: function for function in graph.library.function
    }
    todo = [graph.node]
    while todo:
        for node in todo.pop():
            yield node
            called = {node.op, *_list_callees(node)} & functions.keys()
            todo += [functions.pop(name).node_def for name in called]


def _list_callees(node: node_def_pb2.NodeDef) -> Iterator[str]:
    for value in node.attr.values():
        for function in (value.func, *value.list.func):
            yield function.name


def _is_more_than_arithmetic(operation: str) -> bool:
    if operation in _CHECKS:
        return True
    definition = op_def_registry.get(operation)
    is_stateful = definition is not None and definition.is_stateful
    return is_stateful and operation not in _CALLS
