"""One version that answers: the model, its checks, its batcher.

The core both doors call; knows arrays and names, no requests.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from serving.batch_rows import Arrays
from serving.model_batcher import ModelBatcher
from serving.signatures import Signature

if TYPE_CHECKING:
    from serving.openvino_model import OpenVinoModel
    from serving.saved_model import SavedModel
    from serving.tflite_model import TfliteModel

    Model = SavedModel | OpenVinoModel | TfliteModel


class Servable:
    """A loaded version, ready to be called from many threads.

    checks_method_names: a signature is called only as what its author said it is for.
    note_seconds: told how long each successful run took, its wait in the queue too.
    """

    def __init__(
        self,
        model: Model,
        batcher: ModelBatcher | None = None,
        checks_method_names: bool = False,
        note_seconds: Callable[[float], None] | None = None,
    ) -> None:
        self._model = model
        self._batcher = batcher
        self._note_seconds = note_seconds
        self.checks_method_names = checks_method_names

    def timed(self, note_seconds: Callable[[float], None]) -> Servable:
        """The same version, whose runs are noted by somebody else."""
        return Servable(
            self._model, self._batcher, self.checks_method_names, note_seconds
        )

    @property
    def signature_defs(self) -> Mapping[str, Any]:
        """The model's SignatureDef messages by name, as its metadata tells them."""
        return self._model.signature_defs

    @property
    def signatures(self) -> Mapping[str, Signature]:
        """Every way to call the model, by name."""
        return self._model.signatures

    def signature(self, name: str) -> Signature:
        """The signature of that name; no name is serving_default.

        Raises:
            ServingError: FAILED_PRECONDITION; there is none.
        """
        return self._model.signature(name)

    def run(
        self,
        signature: Signature,
        inputs: Arrays,
        outputs: Sequence[str],
        timeout_seconds: float | None,
    ) -> Arrays:
        """Compute the outputs, by name.

        Args:
            signature: One of this servable's.
            inputs: One array per input of the signature, any shape.
            outputs: Names that Signature.select_outputs gave.
            timeout_seconds: What is left of the caller's patience; None is no end.

        Raises:
            ServingError: INVALID_ARGUMENT for a wrong dtype or rank, DEADLINE_EXCEEDED,
                or what the graph said.
        """
        signature.check_inputs(inputs)
        started = time.perf_counter()
        arrays = self._run(signature, inputs, outputs, timeout_seconds)
        if self._note_seconds is not None:
            self._note_seconds(time.perf_counter() - started)
        return arrays

    def _run(
        self,
        signature: Signature,
        inputs: Arrays,
        outputs: Sequence[str],
        timeout_seconds: float | None,
    ) -> Arrays:
        if self._batcher is None or not inputs:
            return self._model.run(signature, inputs, outputs, timeout_seconds)

        names = sorted(outputs)
        # Tensors, not the signature's name: whoever reads and feeds the same ones
        # shares a run, and nobody else does.
        kind = (
            tuple((name, spec.tensor_name) for name, spec in signature.inputs.items()),
            tuple((name, signature.outputs[name].tensor_name) for name in names),
        )

        def run_rows(rows: Arrays, timeout: float | None) -> Arrays:
            return self._model.run(signature, rows, names, timeout)

        return self._batcher.run(kind, run_rows, inputs, timeout_seconds)

    def close(self) -> None:
        """Unload the model, after the last run: callers may have left one behind."""
        if self._batcher is not None:
            self._batcher.close()
        self._model.close()
