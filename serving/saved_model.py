"""One loaded version folder: arrays in, arrays out.

Owns the TensorFlow session; knows neither gRPC nor requests nor other versions.
"""

from __future__ import annotations

import gc
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray
from tensorflow.core.protobuf import config_pb2, meta_graph_pb2
from tensorflow.python.client import pywrap_tf_session

from serving.errors import invalid_argument
from serving.frozen_graph import freeze_graph
from serving.model_files import read_meta_graph
from serving.model_session import fill_session
from serving.signatures import (
    Signature,
    TensorSpec,
    choose_signature,
    read_signatures,
)
from serving.tensorflow_errors import RUN_ERRORS, translate_error

_MAX_TIMEOUT_MS = 2**31 - 1


def _ignore_run(seconds: float) -> None:
    del seconds


@dataclass(frozen=True, kw_only=True)
class SessionOptions:
    """How a graph is run, and who is told the seconds of each successful run."""

    config: config_pb2.ConfigProto = field(default_factory=config_pb2.ConfigProto)
    note_run: Callable[[float], None] = _ignore_run


class SavedModel:
    """A model that answers; close it when nobody runs it any more."""

    def __init__(
        self,
        session: tf.compat.v1.Session,
        meta_graph: meta_graph_pb2.MetaGraphDef,
        note_run: Callable[[float], None] = _ignore_run,
    ) -> None:
        # A copy: a part of a message keeps the whole, here the graph, in memory.
        kept = meta_graph_pb2.MetaGraphDef()
        for name, definition in meta_graph.signature_def.items():
            kept.signature_def[name].CopyFrom(definition)
        self.signature_defs = dict(kept.signature_def)
        self._session = session
        self._note_run = note_run
        self.signatures = read_signatures(meta_graph)
        self._handles: dict[str, Any] = {}

    def signature(self, name: str) -> Signature:
        """The signature of that name; no name is serving_default.

        Raises:
            ServingError: FAILED_PRECONDITION; the model has no such signature.
        """
        return choose_signature(self.signatures, name)

    def run(
        self,
        signature: Signature,
        inputs: Mapping[str, NDArray[Any]],
        outputs: Sequence[str],
        timeout_seconds: float | None = None,
    ) -> dict[str, NDArray[Any]]:
        """Compute the outputs, by name, after Signature.check_inputs said yes.

        Args:
            signature: One of this model's, or made of their tensors.
            inputs: One array per input of the signature.
            outputs: Names of the outputs wanted.
            timeout_seconds: The run is given up after that; None is never.

        Raises:
            ServingError: With TensorFlow's own code and message.
        """
        fed = {
            self._handle(spec): inputs[name] for name, spec in signature.inputs.items()
        }
        # TensorFlow keeps a plan for each list of tensors it was ever asked for: one
        # order, and no tensor twice, however the outputs are called and filtered.
        specs = {signature.outputs[name].tensor_name: name for name in outputs}
        fetched = sorted(specs)
        fetches = [self._handle(signature.outputs[specs[name]]) for name in fetched]
        options = None if timeout_seconds is None else _timeout(timeout_seconds)
        started = time.perf_counter()
        try:
            # Session.run costs 130 us more in Python, and the timeout of a session
            # callable is fixed when it is made; this is the call below both.
            values = pywrap_tf_session.TF_SessionRun_wrapper(
                self._session._session,  # pylint: disable=protected-access  # see above
                options,
                fed,
                fetches,
                [],
                None,
            )
        except RUN_ERRORS as error:
            raise translate_error(error) from error
        finally:
            if options is not None:
                pywrap_tf_session.TF_DeleteBuffer(options)
        self._note_run(time.perf_counter() - started)
        arrays = dict(zip(fetched, map(_to_array, values), strict=True))
        return {name: arrays[signature.outputs[name].tensor_name] for name in outputs}

    def freeze(self, tensor_names: Sequence[str]) -> bytes:
        """What computes these tensors, for another runtime; see freeze_graph.

        Raises:
            NotFreezable: It does more than compute them.
        """
        return freeze_graph(self._session, tensor_names)

    def _handle(self, spec: TensorSpec) -> Any:
        """The C++ side's name of a tensor, looked up once."""
        handle = self._handles.get(spec.tensor_name)
        if handle is None:
            name = spec.tensor_name
            try:
                # A signature may leave out that it means an operation's first tensor.
                tensor = self._session.graph.get_tensor_by_name(
                    name if ":" in name else f"{name}:0"
                )
            except (KeyError, ValueError) as error:
                raise invalid_argument(
                    f"expected tensor {name!r} in the graph, found none"
                ) from error
            # pylint: disable-next=protected-access  # there is no other way
            handle = self._handles[spec.tensor_name] = tensor._as_tf_output()
        return handle

    def close(self) -> None:
        """Give the memory back; graphs lie in reference cycles, so it is asked for."""
        self._session.close()
        self._handles.clear()
        del self._session
        gc.collect()


def load_saved_model(
    folder: Path, tags: Sequence[str], options: SessionOptions
) -> SavedModel:
    """Load one version folder, TF1 or TF2.

    Raises:
        ServingError: NOT_FOUND, DATA_LOSS or what TensorFlow said, as TensorFlow
            Serving reports it in GetModelStatus.
    """
    # As TensorFlow Serving reads --saved_model_tags without a value.
    tags = tuple(filter(None, tags)) or (tf.saved_model.SERVING,)
    meta_graph = read_meta_graph(folder, tags)
    with ExitStack() as undo:
        session = tf.compat.v1.Session(graph=tf.Graph(), config=options.config)
        undo.callback(session.close)
        fill_session(session, folder, meta_graph)
        model = SavedModel(session, meta_graph, options.note_run)
        undo.pop_all()
    return model


def _to_array(value: Any) -> NDArray[Any]:
    """TensorFlow gives scalars as Python and NumPy scalars, strings as bytes."""
    return np.asarray(value, np.object_ if isinstance(value, bytes) else None)


def _timeout(seconds: float) -> Any:
    """Run options with a timeout; TensorFlow takes 0 as never, so 1 ms is the least."""
    milliseconds = min(max(1, int(seconds * 1000)), _MAX_TIMEOUT_MS)
    options = config_pb2.RunOptions(timeout_in_ms=milliseconds)
    return pywrap_tf_session.TF_NewBufferFromString(options.SerializeToString())
