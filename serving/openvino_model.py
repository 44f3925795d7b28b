"""A loaded version whose signatures are run by OpenVINO where it gives TensorFlow's
answers, and by TensorFlow where not.

Has SavedModel's methods; which of the two runs a call is decided here and nowhere else.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from serving.errors import ServingError
from serving.frozen_graph import (
    OUTPUT_PREFIX,
    NotFreezable,
    WritesVariables,
    run_once,
)
from serving.openvino_engine import (
    FLOAT32,
    CompiledGraph,
    EngineRefused,
    OpenVinoEngine,
)
from serving.saved_model import SavedModel
from serving.signatures import Signature, TensorSpec

logger = logging.getLogger(__name__)

# Of float32 answers, as a share of the largest value where that is above 1; the sums
# are the same in another order. Training allows the exported scores as much.
MAX_DIFFERENCE = 1e-4
# Pixels; whole numbers of other kinds are mostly indices, which the graph may refuse.
_DTYPES = (np.dtype(np.uint8), np.dtype(np.float32))
_TRIAL_ROWS = 2


class _Unsuited(Exception):
    """Why a signature stays with TensorFlow."""


@dataclass(frozen=True)
class _Route:
    """A signature that was taken over: its tensors, and what computes them."""

    shapes: Mapping[str, tuple[int, ...]]
    places: Mapping[str, int]
    graph: CompiledGraph

    def takes(self, fed: Mapping[str, NDArray[Any]], fetched: set[str]) -> bool:
        """Whether these arrays fit; others get TensorFlow's answer, mostly an error."""
        return (
            fed.keys() == self.shapes.keys()
            and fetched <= self.places.keys()
            and all(_fits(array, self.shapes[name]) for name, array in fed.items())
        )


class OpenVinoModel:
    """A version folder that answers; close it when nobody runs it any more."""

    def __init__(
        self,
        model: SavedModel,
        routes: Sequence[_Route],
        note_run: Callable[[str, float], None],
    ) -> None:
        self.signature_defs = model.signature_defs
        self.signatures = model.signatures
        self.signature = model.signature
        self._model = model
        self._routes = list(routes)
        self._note_run = note_run

    def run(
        self,
        signature: Signature,
        inputs: Mapping[str, NDArray[Any]],
        outputs: Sequence[str],
        timeout_seconds: float | None = None,
    ) -> dict[str, NDArray[Any]]:
        """As SavedModel.run, whose errors are these as well."""
        tensors = signature.output_tensors(outputs)
        fed = signature.by_tensor(inputs)
        fetched = set(tensors.values())
        fitting = (route for route in self._routes if route.takes(fed, fetched))
        route = next(fitting, None)
        if route is None:
            return self._model.run(signature, inputs, outputs, timeout_seconds)
        started = time.perf_counter()
        arrays = route.graph.run(fed, timeout_seconds)
        self._note_run(route.graph.precision, time.perf_counter() - started)
        return {name: arrays[route.places[tensor]] for name, tensor in tensors.items()}

    def close(self) -> None:
        """Give the memory back."""
        self._routes.clear()
        self._model.close()


def take_over(
    model: SavedModel,
    engine: OpenVinoEngine,
    folder: Path,
    note_run: Callable[[str, float], None],
) -> OpenVinoModel:
    """Move to OpenVINO each signature that it answers as TensorFlow does.

    Each is tried on noise first, in float32. One log line says which signatures were
    taken and why others were not.

    Args:
        model: The loaded version; it is closed with the result.
        engine: Compiles the graphs.
        folder: For the log.
        note_run: Told precision and seconds of each successful run of OpenVINO.
    """
    routes: dict[str, _Route] = {}
    reasons: dict[str, str] = {}
    for name, signature in sorted(model.signatures.items()):
        try:
            routes[name] = _make_route(model, engine, signature)
        except WritesVariables as error:
            # The other graphs hold the variables as they were.
            routes.clear()
            reasons = {name: str(error)}
            break
        except (_Unsuited, NotFreezable, EngineRefused) as error:
            reasons[name] = str(error)
    logger.log(
        logging.INFO if routes else logging.WARNING,
        "event=engine engine=openvino precision=%s folder=%s openvino=%s "
        "tensorflow=%s reasons=%r",
        engine.precision,
        folder,
        ",".join(routes),
        ",".join(sorted(model.signatures.keys() - routes.keys())),
        reasons,
    )
    # Of two that give what is asked for the one that computes least.
    ordered = sorted(routes.values(), key=lambda route: len(route.places))
    return OpenVinoModel(model, ordered, note_run)


def _make_route(
    model: SavedModel, engine: OpenVinoEngine, signature: Signature
) -> _Route:
    tensors = sorted({spec.tensor_name for spec in signature.outputs.values()})
    frozen = model.freeze(tensors)
    shapes = {
        spec.tensor_name: _read_shape(name, spec)
        for name, spec in signature.inputs.items()
    }
    dtypes = {
        spec.tensor_name: spec.kind.dtype
        for spec in signature.inputs.values()
        if spec.kind is not None
    }
    if not shapes:
        raise _Unsuited("it has no inputs")
    if any(spec.kind is None for spec in signature.outputs.values()):
        raise _Unsuited("an output is no array")
    places = {name: place for place, name in enumerate(tensors)}
    outputs = [f"{OUTPUT_PREFIX}{place}:0" for place in places.values()]
    exact = _Route(shapes, places, engine.compile(frozen, shapes, outputs, FLOAT32))
    _try_out(frozen, dtypes, exact)
    if engine.precision == FLOAT32:
        return exact
    final = engine.compile(frozen, shapes, outputs, engine.precision)
    return _Route(shapes, places, final)


def _read_shape(name: str, spec: TensorSpec) -> tuple[int, ...]:
    """The declared shape, of which the number of rows alone may be free."""
    if spec.kind is None or spec.kind.dtype not in _DTYPES:
        raise _Unsuited(f"input {name} is neither uint8 nor float32")
    if not spec.shape or min(spec.shape[1:], default=1) < 1:
        raise _Unsuited(f"input {name} has no fixed shape, but {spec.shape}")
    return spec.shape


def _fits(array: NDArray[Any], shape: tuple[int, ...]) -> bool:
    """Whether an array has the declared sides, and at least one row."""
    if array.ndim != len(shape) or array.shape[1:] != shape[1:]:
        return False
    return len(array) == shape[0] if shape[0] >= 0 else len(array) > 0


def _try_out(frozen: bytes, dtypes: Mapping[str, np.dtype[Any]], route: _Route) -> None:
    """Compare the answers to noise.

    Raises:
        _Unsuited, NotFreezable: They differ, or one of the two gives none.
    """
    noise = np.random.default_rng(0)
    inputs = {
        name: _draw(noise, dtype, route.shapes[name]) for name, dtype in dtypes.items()
    }
    expected = run_once(frozen, inputs, len(route.places))
    try:
        found = route.graph.run(inputs)
    except ServingError as error:
        raise _Unsuited(f"it does not run on noise: {error}") from error
    for name, place in route.places.items():
        _compare(name, expected[place], found[place])


def _draw(
    noise: np.random.Generator, dtype: np.dtype[Any], shape: tuple[int, ...]
) -> NDArray[Any]:
    sides = (shape[0] if shape[0] >= 0 else _TRIAL_ROWS, *shape[1:])
    if dtype == np.uint8:
        return noise.integers(0, 256, sides, np.uint8)
    return noise.random(sides, np.float32)


def _compare(name: str, expected: NDArray[Any], found: NDArray[Any]) -> None:
    if (expected.shape, expected.dtype) != (found.shape, found.dtype):
        raise _Unsuited(
            f"output {name} expected {expected.dtype} {expected.shape}, "
            f"received {found.dtype} {found.shape}"
        )
    if expected.dtype.kind != "f":
        if not np.array_equal(expected, found):
            raise _Unsuited(f"output {name} differs")
        return
    scale = max(1.0, float(np.abs(expected).max(initial=0.0)))
    difference = float(np.abs(expected - found).max(initial=0.0)) / scale
    if not difference <= MAX_DIFFERENCE:
        raise _Unsuited(
            f"output {name} expected within {MAX_DIFFERENCE}, received {difference:.2g}"
        )
