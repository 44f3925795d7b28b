"""The calls of the REST API over the served models: bytes in, JSON text out.

Translates and decides nothing; knows no HTTP but the words in a path.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractContextManager
from typing import Any

from tensorflow_serving.apis import (
    classification_pb2,
    model_pb2,
    regression_pb2,
)

from serving.classify import run_classify
from serving.errors import invalid_argument
from serving.json_answers import (
    write_classes,
    write_metadata,
    write_outputs,
    write_predictions,
    write_statuses,
    write_values,
)
from serving.json_document import parse_document
from serving.json_examples import fill_input
from serving.json_predict import read_predict_inputs, read_signature_name
from serving.model_service import describe_versions
from serving.models import ModelStore, ModelTarget
from serving.predict import check_predict_method
from serving.regress import run_regress
from serving.rest_paths import CLASSIFY, METADATA, PREDICT, REGRESS, STATUS, RestCall
from serving.servable import Servable
from serving.signatures import DEFAULT_SIGNATURE, Signature
from serving.timed_lease import NoteRuntime, ignore_runtime, lease_timed
from serving.version_state import Lease


class RestCalls:
    """Answers one call after the other, from many threads; raises ServingError."""

    def __init__(
        self,
        store: ModelStore[Servable],
        timeout_seconds: float | None,
        note_runtime: NoteRuntime = ignore_runtime,
    ) -> None:
        """A run of the model is given up after timeout_seconds; None is never."""
        self._store = store
        self._note_runtime = note_runtime
        self._timeout_seconds = timeout_seconds
        self._answers = {
            PREDICT: self._predict,
            CLASSIFY: self._classify,
            REGRESS: self._regress,
            STATUS: self._status,
            METADATA: self._metadata,
        }

    def answer(self, call: RestCall, body: bytes) -> str:
        """The JSON text of the answer.

        Raises:
            ServingError: The body does not fit, no such model, or a run that failed.
        """
        if not call.target.name:
            raise invalid_argument("Missing model name in request.")
        return self._answers[call.kind](call.target, body)

    def _predict(self, target: ModelTarget, body: bytes) -> str:
        document = parse_document(body)
        name = read_signature_name(document)
        with self._lease(target, PREDICT) as lease:
            servable = lease.model
            signature = _find_signature(servable, name)
            sent = read_predict_inputs(document, signature.inputs)
            # The document may be many times the arrays; it need not outlive them.
            document.clear()
            check_predict_method(servable, signature)
            wanted = signature.select_outputs(())
            outputs = servable.run(
                signature, sent.arrays, wanted, self._timeout_seconds
            )
        if sent.has_rows:
            return write_predictions(outputs)
        return write_outputs(outputs)

    def _classify(self, target: ModelTarget, body: bytes) -> str:
        request = classification_pb2.ClassificationRequest()
        _fill_examples(request, target, parse_document(body))
        with self._lease(target, CLASSIFY) as lease:
            response = run_classify(lease.model, request, self._timeout_seconds)
        return write_classes(response.result)

    def _regress(self, target: ModelTarget, body: bytes) -> str:
        request = regression_pb2.RegressionRequest()
        _fill_examples(request, target, parse_document(body))
        with self._lease(target, REGRESS) as lease:
            response = run_regress(lease.model, request, self._timeout_seconds)
        return write_values(response.result)

    def _lease(
        self, target: ModelTarget, method: str
    ) -> AbstractContextManager[Lease[Servable]]:
        # TensorFlow Serving names the methods of both doors alike here.
        return lease_timed(self._store, target, method.capitalize(), self._note_runtime)

    def _status(self, target: ModelTarget, _: bytes) -> str:
        """Every version, or the one in the path; a label is ignored, as over gRPC."""
        statuses = self._store.statuses(target.name, target.version)
        return write_statuses(describe_versions(statuses))

    def _metadata(self, target: ModelTarget, _: bytes) -> str:
        with self._store.lease(target) as lease:
            spec = model_pb2.ModelSpec(name=target.name)
            spec.version.value = lease.version
            return write_metadata(spec, lease.model.signature_defs)


def _find_signature(servable: Servable, name: str) -> Signature:
    """The signature a predict call names; no name is serving_default."""
    found = name or DEFAULT_SIGNATURE
    if found not in servable.signatures:
        raise invalid_argument(
            f'Serving signature name: "{found}" not found in signature def'
        )
    signature = servable.signatures[found]
    if not signature.inputs:
        raise invalid_argument(
            f"Failed to get input map for signature: {name or 'DEFAULT'}"
        )
    return signature


def _fill_examples(
    request: (
        classification_pb2.ClassificationRequest | regression_pb2.RegressionRequest
    ),
    target: ModelTarget,
    document: Mapping[str, Any],
) -> None:
    """Write the body into an empty request, in place; the version stays open."""
    request.model_spec.name = target.name
    request.model_spec.signature_name = read_signature_name(document)
    fill_input(request.input, document)
