"""OpenVINO's CPU runtime: a frozen graph compiled for this machine, arrays in and out.

Imports the package only when the engine is opened; knows neither signatures nor
requests.
"""

from __future__ import annotations

import importlib
import os
import tempfile
from collections import deque
from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
from grpc import StatusCode
from numpy.typing import NDArray

from serving.batch_rows import run_too_long
from serving.errors import ServingError, failed_precondition
from serving.half_precision import computes_in_bfloat16
from serving.settings import Settings

FLOAT32, BFLOAT16 = "f32", "bf16"
_MAX_TIMEOUT_MS = 2**31 - 1


class EngineRefused(Exception):
    """OpenVINO does not take a graph; TensorFlow runs it as before."""


class CompiledGraph:
    """One graph in one precision, for calls from many threads."""

    def __init__(self, model: Any, outputs: Sequence[str], precision: str) -> None:
        """model: an openvino.CompiledModel; outputs: the tensors that run() gives."""
        self.precision = precision
        self._model = model
        self._outputs = tuple(outputs)
        # A request holds its inputs and outputs; one for each thread that calls.
        self._idle: deque[Any] = deque()

    def run(
        self,
        inputs: Mapping[str, NDArray[Any]],
        timeout_seconds: float | None = None,
    ) -> list[NDArray[Any]]:
        """The outputs, in the order the graph was compiled with.

        Args:
            inputs: By tensor name, in the shapes the graph was compiled for.
            timeout_seconds: The run is given up after that; None is never.

        Raises:
            ServingError: DEADLINE_EXCEEDED, or INTERNAL with what OpenVINO said.
        """
        try:
            request = self._idle.pop()
        except IndexError:
            request = self._model.create_infer_request()
        try:
            # Arrays that may be written to are read where they are, not copied.
            request.start_async(dict(inputs), share_inputs=True)
            if timeout_seconds is None:
                request.wait()
            elif not request.wait_for(_to_milliseconds(timeout_seconds)):
                request.cancel()
                # It reads the caller's memory until it has ended.
                with suppress(RuntimeError):
                    request.wait()
                raise run_too_long()
            # The next run writes into the same memory.
            return [request.get_tensor(name).data.copy() for name in self._outputs]
        except RuntimeError as error:
            raise ServingError(StatusCode.INTERNAL, f"OpenVINO: {error}") from error
        finally:
            self._idle.append(request)


class OpenVinoEngine:
    """Compiles graphs; how they are run is the same for all of a server's models."""

    def __init__(self, openvino: ModuleType, precision: str, threads: int) -> None:
        """precision: that of the answers; threads: runs at once, each on one."""
        self._openvino = openvino
        self._core = openvino.Core()
        self._threads = threads
        self.precision = precision
        # OpenVINO's Python part sets something up with its first array: two threads
        # that come to it at once were seen to wait for each other for ever.
        openvino.Tensor(np.zeros(1, np.float32))

    def compile(
        self,
        graph: bytes,
        shapes: Mapping[str, tuple[int, ...]],
        outputs: Sequence[str],
        precision: str,
    ) -> CompiledGraph:
        """Read a GraphDef and build it for this machine.

        Args:
            graph: The serialized message.
            shapes: Of its inputs by tensor name; -1 is free.
            outputs: Names of tensors that nothing in the graph reads.
            precision: FLOAT32 or BFLOAT16.

        Raises:
            EngineRefused: OpenVINO does not know an operation, or other inputs are
                needed than those.
        """
        options = {
            "INFERENCE_PRECISION_HINT": precision,
            # A stream a core, as the session has: the most images a second with many
            # callers. Pinned threads would fight with whoever else is pinned.
            "NUM_STREAMS": self._threads,
            "INFERENCE_NUM_THREADS": self._threads,
            "ENABLE_CPU_PINNING": False,
        }
        try:
            model = self._read(graph)
            _check_ports("inputs", shapes, model.inputs)
            _check_ports("outputs", outputs, model.outputs)
            partial_shape = self._openvino.PartialShape
            model.reshape({name: partial_shape([*x]) for name, x in shapes.items()})
            compiled = self._core.compile_model(model, "CPU", options)
        except RuntimeError as error:
            raise EngineRefused(_shorten(error)) from error
        return CompiledGraph(compiled, outputs, precision)

    def _read(self, graph: bytes) -> Any:
        """By the runtime's own reader: convert_model reports its use to Intel."""
        with tempfile.TemporaryDirectory() as aside:
            path = Path(aside) / "graph.pb"
            path.write_bytes(graph)
            return self._core.read_model(str(path))


def open_engine(settings: Settings) -> OpenVinoEngine | None:
    """The engine that --engine asks for; None is TensorFlow.

    Raises:
        ServingError: FAILED_PRECONDITION; the package is not installed.
    """
    if settings.engine != "openvino":
        return None
    try:
        openvino = importlib.import_module("openvino")
    except ImportError as error:
        raise failed_precondition(
            f"--engine=openvino expected the package openvino, found none ({error}); "
            "the Pipfile's category serving-openvino installs it"
        ) from error
    precision = BFLOAT16 if computes_in_bfloat16(settings) else FLOAT32
    threads = (
        settings.tensorflow_session_parallelism
        or settings.tensorflow_inter_op_parallelism
        or _count_cores()
    )
    return OpenVinoEngine(openvino, precision, threads)


def _count_cores() -> int:
    """Those this process may use, where the system tells."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _check_ports(kind: str, expected: Collection[str], ports: Sequence[Any]) -> None:
    names = {name for port in ports for name in port.get_names()}
    if len(ports) != len(expected) or not names.issuperset(expected):
        raise EngineRefused(
            f"expected {kind} {sorted(expected)}, found {sorted(names)}"
        )


def _to_milliseconds(seconds: float) -> int:
    """At least 1, and no more than counted in nanoseconds fits 64 bits."""
    return min(max(1, int(seconds * 1000)), _MAX_TIMEOUT_MS)


def _shorten(error: RuntimeError) -> str:
    """What is wrong; OpenVINO puts its source files before it."""
    lines = [line.strip() for line in str(error).splitlines()]
    told = [line for line in lines if line and not line.startswith("Exception from")]
    return " ".join(told)[:300] or "it gave no reason"
