"""Kernels that end the process on a wrong rank, and the inputs that reach them.

Reads GraphDef messages; runs nothing.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from typing import Any

# About 80 kernels were tried with 32 odd shapes each, in processes of their own. These
# check the rank of their first input by ending the process, most of them oneDNN's; no
# size does it. The value is the least rank they live with.
LEAST_RANKS: Mapping[str, int] = {
    "Conv2D": 4,
    "Conv3D": 5,
    "DepthwiseConv2dNative": 4,
    "LSTMBlockCell": 2,
    "MaxPool3D": 5,
    "_FusedConv2D": 4,
    "_FusedConv3D": 5,
    "_FusedDepthwiseConv2dNative": 4,
}
# What comes out has the rank of what goes in.
_KEEPS_RANK = frozenset(
    {
        "Add",
        "AddV2",
        "BiasAdd",
        "Cast",
        "EnsureShape",
        "Identity",
        "MirrorPad",
        "Mul",
        "Pad",
        "PadV2",
        "PlaceholderWithDefault",
        "RealDiv",
        "Relu",
        "Relu6",
        "ReverseV2",
        "StopGradient",
        "Sub",
        "Transpose",
    }
)
_CALLS = ("PartitionedCall", "StatefulPartitionedCall")
# A node by the function it lies in ("" is the graph itself) and its name.
_Place = tuple[str, str]


class RankReader:
    """Finds the rank that an input must have because of what it is fed to.

    An input that is reshaped on its way may have any; control flow is not followed.
    """

    def __init__(self, graph: Any) -> None:
        """Reads a GraphDef once; find_least_rank is cheap then."""
        self._functions = {
            function.signature.name: function for function in graph.library.function
        }
        self._readers: dict[_Place, list[tuple[Any, int]]] = defaultdict(list)
        self.has_fatal_kernels = False
        self._add("", graph.node)
        for name, function in self._functions.items():
            self._add(name, function.node_def)

    def _add(self, function: str, nodes: Any) -> None:
        for node in nodes:
            self.has_fatal_kernels |= node.op in LEAST_RANKS
            for index, source in enumerate(node.input):
                # "name", "name:1" or, in a function, "name:output:0"; ^ is no data.
                self._readers[function, source.split(":")[0]].append((node, index))

    def find_least_rank(self, tensor_name: str) -> int:
        """The least rank for a tensor of the graph that no kernel dies of; 0 is any."""
        todo: list[_Place] = [("", tensor_name.split(":")[0])]
        seen, least = set(todo), 0
        while todo:
            place = todo.pop()
            for node, index in self._readers.get(place, ()):
                if index == 0:
                    least = max(least, LEAST_RANKS.get(node.op, 0))
                following = set(self._follow(place[0], node, index)) - seen
                seen |= following
                todo.extend(following)
        return least

    def _follow(self, function: str, node: Any, index: int) -> Iterator[_Place]:
        """Where the rank of a node's input is met again."""
        if node.op in _KEEPS_RANK:
            yield function, node.name
        called = node.attr["f"].func.name if node.op in _CALLS else node.op
        if called in self._functions:
            arguments = self._functions[called].signature.input_arg
            yield called, arguments[index].name
