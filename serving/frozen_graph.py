"""The part of a loaded graph that computes some tensors, as constants and arithmetic.

What another runtime can take over: a graph that keeps no state and refuses no values.
"""

from __future__ import annotations

import gc
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import tensorflow as tf
from google.protobuf.message import EncodeError
from numpy.typing import NDArray
from tensorflow.core.framework import graph_pb2, node_def_pb2
from tensorflow.core.protobuf import config_pb2
from tensorflow.python.framework import convert_to_constants, op_def_registry

# Nothing else in the graph is called so.
OUTPUT_PREFIX = "serving_engine_output_"
# Stateful in name only: what they call is looked at for itself.
_CALLS = frozenset({"If", "PartitionedCall", "StatefulPartitionedCall", "While"})
# In the names of operations that change variables, of TensorFlow 1 and 2.
_WRITES = ("Assign", "Apply", "Scatter")
# Not stateful, but what they are for is to end the run.
_CHECKS = frozenset({"CheckNumerics", "CheckNumericsV2"})
_BROKEN_GRAPH = (
    EncodeError,
    LookupError,
    RuntimeError,
    TypeError,
    ValueError,
    tf.errors.OpError,
)


class NotFreezable(Exception):
    """The graph does more than compute its outputs from its inputs."""


class WritesVariables(NotFreezable):
    """Running the graph changes what others of the same model may read."""


def freeze_graph(session: tf.compat.v1.Session, tensor_names: Sequence[str]) -> bytes:
    """The GraphDef of these tensors, serialized, with the variables' values of now.

    Changes nothing in the session. The tensors come out as OUTPUT_PREFIX + their place
    in the list.

    Raises:
        WritesVariables: What the variables are now is not what they will be.
        NotFreezable: It keeps state, draws at random or refuses values: TensorFlow's
            own answer and error are then not those of its arithmetic.
    """
    freeze = convert_to_constants.convert_variables_to_constants_from_session_graph
    try:
        graph = session.graph.as_graph_def()
        outputs = [
            _add_output(graph, index, session.graph.get_tensor_by_name(name))
            for index, name in enumerate(tensor_names)
        ]
        frozen = freeze(session, graph, outputs)
        # A message ends at 2 GiB.
        data = frozen.SerializeToString()
    except _BROKEN_GRAPH as error:
        raise NotFreezable(f"{error}".split("\n", maxsplit=1)[0]) from error
    extra = sorted({node.op for node in _list_nodes(frozen)} - _CALLS)
    extra = [operation for operation in extra if _is_more_than_arithmetic(operation)]
    if any(word in operation for operation in extra for word in _WRITES):
        raise WritesVariables(f"{', '.join(extra)}: changes variables")
    if extra:
        raise NotFreezable(f"{', '.join(extra)}: more than arithmetic")
    return data


def run_once(
    graph: bytes, inputs: Mapping[str, NDArray[Any]], outputs: int
) -> list[NDArray[Any]]:
    """What TensorFlow says, in a session of its own that is gone afterwards.

    A run in the session that stays would have it keep copies and plans: 330 of 1,950 MB
    more with Xception-299.

    Args:
        graph: As freeze_graph gave it.
        inputs: By tensor name.
        outputs: How many tensors it was frozen for.

    Raises:
        NotFreezable: It does not run on these inputs.
    """
    config = config_pb2.ConfigProto(device_count={"GPU": 0})
    names = [f"{OUTPUT_PREFIX}{index}:0" for index in range(outputs)]
    with tf.Graph().as_default(), tf.compat.v1.Session(config=config) as session:
        try:
            tf.import_graph_def(graph_pb2.GraphDef.FromString(graph), name="")
            values = session.run(names, dict(inputs))
        except _BROKEN_GRAPH as error:
            raise NotFreezable(f"{error}".split("\n", maxsplit=1)[0]) from error
    # Graphs lie in reference cycles.
    del session
    gc.collect()
    return [np.asarray(value) for value in values]


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
    return definition is not None and definition.is_stateful
