"""A model.tflite that answers in place of the SavedModel beside it.

Arrays in, arrays out, as saved_model.py has it; an interpreter takes a call at a time.
"""

from __future__ import annotations

import queue
import warnings
from collections.abc import Callable, Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf
from grpc import StatusCode
from numpy.typing import NDArray
from tensorflow.lite.python.interpreter import Interpreter

from serving.batch_rows import run_too_long
from serving.errors import ServingError, invalid_argument
from serving.signatures import Signature, choose_signature, read_signatures
from serving.tensorflow_errors import translate_error
from serving.tflite_signatures import LiteTensor, read_lite_signatures

# What TensorFlow Lite's Python raises over models and arrays.
_LITE_ERRORS = (MemoryError, RuntimeError, TypeError, ValueError)


class _Interpreter:
    """One interpreter with buffers of its own; for one thread at a time."""

    def __init__(self, content: bytes) -> None:
        # It tells at each that another package is its successor.
        warnings.filterwarnings("ignore", r"\s*Warning: tf.lite.Interpreter is depr")
        self._lite = Interpreter(model_content=content, num_threads=1)
        self._lite.allocate_tensors()
        self.inputs = _describe(self._lite.get_input_details())
        self.outputs = _describe(self._lite.get_output_details())

    def run(
        self, fed: Mapping[str, NDArray[Any]], fetched: Collection[str]
    ) -> dict[str, NDArray[Any]]:
        """The tensors named in fetched, by name; raises _LITE_ERRORS."""
        details = self._lite.get_input_details()
        resized = [
            detail for detail in details if (*detail["shape"],) != _shape(fed, detail)
        ]
        for detail in resized:
            self._lite.resize_tensor_input(detail["index"], _shape(fed, detail))
        if resized:
            self._lite.allocate_tensors()
        for detail in details:
            self._lite.set_tensor(detail["index"], fed[detail["name"]])
        self._lite.invoke()
        # A scalar comes as one of NumPy's numbers.
        return {
            detail["name"]: np.asarray(self._lite.get_tensor(detail["index"]))
            for detail in self._lite.get_output_details()
            if detail["name"] in fetched
        }


def _shape(
    fed: Mapping[str, NDArray[Any]], detail: Mapping[str, Any]
) -> tuple[int, ...]:
    return fed[detail["name"]].shape


def _describe(details: Sequence[Mapping[str, Any]]) -> tuple[LiteTensor, ...]:
    return tuple(
        LiteTensor(detail["name"], tuple(map(int, detail["shape"])), detail["dtype"])
        for detail in details
    )


class TfliteModel:
    """A TFLite file that answers, in as many calls at once as it has interpreters."""

    def __init__(self, content: bytes, interpreters: int) -> None:
        """Raises ServingError: INVALID_ARGUMENT, or as read_lite_signatures."""
        self._create: Callable[[], _Interpreter] = lambda: _Interpreter(content)
        self._free: queue.SimpleQueue[_Interpreter] = queue.SimpleQueue()
        try:
            made = [self._create() for _ in range(max(1, interpreters))]
        except _LITE_ERRORS as error:
            raise invalid_argument(f"Cannot build Interpreter: {error}") from error
        graph = read_lite_signatures(content, made[0].inputs, made[0].outputs)
        self.signature_defs = dict(graph.signature_def)
        self.signatures = read_signatures(graph)
        for interpreter in made:
            self._free.put(interpreter)

    def signature(self, name: str) -> Signature:
        """As SavedModel.signature."""
        return choose_signature(self.signatures, name)

    def run(
        self,
        signature: Signature,
        inputs: Mapping[str, NDArray[Any]],
        outputs: Sequence[str],
        timeout_seconds: float | None = None,
    ) -> dict[str, NDArray[Any]]:
        """As SavedModel.run; a run under way is not given up, the wait for one is.

        Raises:
            ServingError: INTERNAL; the file does not take arrays of these shapes.
                DEADLINE_EXCEEDED; no interpreter was free in time.
        """
        fed = signature.by_tensor(inputs)
        tensors = signature.output_tensors(outputs)
        interpreter = self._take(timeout_seconds)
        try:
            arrays = interpreter.run(fed, set(tensors.values()))
        except _LITE_ERRORS as error:
            # Its buffers may be half of the old shapes and half of the new.
            interpreter = self._create()
            raise ServingError(
                StatusCode.INTERNAL, f"Failed to invoke TfLite interpreter: {error}"
            ) from error
        finally:
            self._free.put(interpreter)
        return {name: arrays[tensor] for name, tensor in tensors.items()}

    def _take(self, timeout_seconds: float | None) -> _Interpreter:
        if timeout_seconds is not None:
            timeout_seconds = max(0.0, timeout_seconds)
        try:
            return self._free.get(timeout=timeout_seconds)
        except queue.Empty as error:
            raise run_too_long() from error

    def close(self) -> None:
        """Give the memory back."""
        while not self._free.empty():
            self._free.get()


def load_tflite(path: Path, interpreters: int) -> TfliteModel:
    """Load one TFLite file.

    Raises:
        ServingError: INVALID_ARGUMENT; it is none. What the file system says.
    """
    try:
        with tf.io.gfile.GFile(str(path), "rb") as file:
            content = file.read()
    except tf.errors.OpError as error:
        raise translate_error(error) from error
    return TfliteModel(content, interpreters)
