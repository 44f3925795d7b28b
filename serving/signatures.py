"""What a signature takes and gives, and which calls do not fit it.

Owns the checks that need no session; knows neither requests nor TensorFlow.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass, field
from typing import Any

from numpy.typing import NDArray

from serving.errors import failed_precondition, invalid_argument
from serving.fatal_kernels import RankReader
from serving.tensors import ElementType, find_element_type, name_of_dtype

DEFAULT_SIGNATURE = "serving_default"
# TensorFlow leaves every shape to the graph, and its own sample models are called with
# vectors where they declare matrices. From here on the declared rank is law.
FIRST_STRICT_RANK = 3


@dataclass(frozen=True)
class TensorSpec:
    """One input or output: tensor name in the graph, dtype, declared shape.

    A side of -1 is free; a shape of None is of unknown rank. A kind of None is a dtype
    that has no array form. least_rank: of an input of unknown rank, by its kernels.
    """

    tensor_name: str
    kind: ElementType | None
    shape: tuple[int, ...] | None
    least_rank: int = 0


@dataclass(frozen=True)
class Signature:
    """One way to call a model: its inputs and outputs by the names callers use.

    has_strict_ranks: the graph holds kernels that end the process on a wrong rank.
    method_name: what the model's author said it is for. defaults: messages with
    TensorProto's fields for inputs that a caller may leave out.
    """

    name: str
    inputs: Mapping[str, TensorSpec]
    outputs: Mapping[str, TensorSpec]
    has_strict_ranks: bool = False
    method_name: str = ""
    defaults: Mapping[str, Any] = field(default_factory=dict)

    def check_names(self, sent: Iterable[str]) -> None:
        """Accept the signature's input names; those with a default may be missing.

        Raises:
            ServingError: INVALID_ARGUMENT; a name is missing or too many.
        """
        received, expected = set(sent), set(self.inputs)
        has_too_few = len(received) < len(expected) and not self.defaults
        if len(received) > len(expected) or has_too_few:
            raise invalid_argument(
                f"input size does not match signature: {len(received)}!={len(expected)}"
                f" len({_braced(received)}) != len({_braced(expected)}). "
                f"Sent extra: {_braced(received - expected)}. "
                f"Missing but required: {_braced(expected - received)}."
            )
        for alias in sorted(expected - received - set(self.defaults)):
            raise invalid_argument(
                f"Signature input alias: {alias}(feed name: "
                f"{self.inputs[alias].tensor_name}) not found in request and no "
                f"default value provided. Inputs expected to be in the request "
                f"{_braced(received)}, or default input alias set: "
                f"{_listed(self.defaults)}."
            )
        if received - expected:
            raise invalid_argument(
                "Inputs contains invalid name. Used request inputs: "
                f"{_listed(received & expected)}, request input: {_listed(received)}"
            )

    def select_outputs(self, wanted: Sequence[str]) -> tuple[str, ...]:
        """The outputs of a call: the wanted ones, or all when none is named.

        Raises:
            ServingError: INVALID_ARGUMENT; an output is unknown or named twice.
        """
        if not wanted:
            return tuple(self.outputs)
        for index, alias in enumerate(wanted):
            if alias not in self.outputs:
                raise invalid_argument(
                    f"output tensor alias not found in signature: {alias} "
                    f"Outputs expected to be in the set {_braced(self.outputs)}."
                )
            if alias in wanted[:index]:
                raise invalid_argument(f"duplicate output tensor alias: {alias}")
        return tuple(wanted)

    def by_tensor(self, arrays: Mapping[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
        """Arrays of inputs by the names of their tensors in the graph."""
        return {self.inputs[name].tensor_name: arrays[name] for name in arrays}

    def output_tensors(self, names: Iterable[str]) -> dict[str, str]:
        """Some outputs, each with the name of its tensor in the graph."""
        return {name: self.outputs[name].tensor_name for name in names}

    def check_inputs(self, inputs: Mapping[str, NDArray[Any]]) -> None:
        """Accept arrays of the declared dtypes and of ranks the graph survives.

        A convolution of oneDNN ends the whole process on a wrong rank, so that is
        found here.

        Raises:
            ServingError: INVALID_ARGUMENT; wrong dtype or rank, or a signature that
                feeds one tensor twice.
        """
        if len({spec.tensor_name for spec in self.inputs.values()}) < len(self.inputs):
            raise invalid_argument(
                f"expected a tensor for each input of {self.name}, found one for two"
            )
        for index, (alias, spec) in enumerate(self.inputs.items()):
            array = inputs[alias]
            if spec.kind is not None and array.dtype != spec.kind.dtype:
                raise invalid_argument(
                    f"Expects arg[{index}] to be {spec.kind.name} "
                    f"but {name_of_dtype(array.dtype)} is provided"
                )
            if spec.shape is None and array.ndim < spec.least_rank:
                raise invalid_argument(
                    f"input {alias} expected rank {spec.least_rank} or more, "
                    f"received rank {array.ndim} with shape {list(array.shape)}"
                )
            if self._is_wrong_rank(spec, array.ndim):
                raise invalid_argument(
                    f"input {alias} expected rank {len(spec.shape or ())} with shape "
                    f"{list(spec.shape or ())}, received rank {array.ndim} with shape "
                    f"{list(array.shape)}"
                )

    def _is_wrong_rank(self, spec: TensorSpec, rank: int) -> bool:
        if spec.shape is None or rank == len(spec.shape):
            return False
        return self.has_strict_ranks or len(spec.shape) >= FIRST_STRICT_RANK


def _braced(names: Iterable[str]) -> str:
    return "{" + _listed(names) + "}"


def _listed(names: Iterable[str]) -> str:
    return ",".join(sorted(names))


def choose_signature(signatures: Mapping[str, Signature], name: str) -> Signature:
    """The signature of that name; no name is serving_default.

    Raises:
        ServingError: FAILED_PRECONDITION; there is none.
    """
    key = name or DEFAULT_SIGNATURE
    if key not in signatures:
        raise failed_precondition(f'Serving signature key "{key}" not found.')
    return signatures[key]


def read_signatures(meta_graph: Any) -> dict[str, Signature]:
    """Every signature of a MetaGraphDef, by name.

    Inputs are in the order of their names, so that messages can count them.
    """
    ranks = RankReader(meta_graph.graph_def)
    return {
        name: Signature(
            name=name,
            inputs={
                alias: _read_spec(info, ranks)
                for alias, info in sorted(definition.inputs.items())
            },
            outputs={
                alias: _read_spec(info)
                for alias, info in sorted(definition.outputs.items())
            },
            has_strict_ranks=ranks.has_fatal_kernels,
            method_name=definition.method_name,
            # Copies: a part of a message keeps the whole, here the graph, in memory.
            defaults=deepcopy(dict(definition.defaults)),
        )
        for name, definition in meta_graph.signature_def.items()
    }


def _read_spec(info: Any, ranks: RankReader | None = None) -> TensorSpec:
    """One TensorInfo; ranks is given for inputs."""
    shape = info.tensor_shape
    return TensorSpec(
        tensor_name=info.name,
        kind=find_element_type(info.dtype),
        shape=None if shape.unknown_rank else tuple(dim.size for dim in shape.dim),
        least_rank=ranks.find_least_rank(info.name) if ranks else 0,
    )
