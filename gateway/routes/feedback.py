"""POST /feedback: what a person says a picture shows; kept for the next training."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING

from flask import Blueprint, Request, request
from flask.typing import ResponseReturnValue

from gateway import request_log
from gateway.catalog import known_models
from gateway.deadline import Deadline
from gateway.errors import (
    FeedbackOff,
    InvalidRequest,
    ModelUnavailable,
    UnsupportedContentType,
)
from gateway.prediction_log import Correction, PredictionLog
from gateway.query import describe_kind
from gateway.targets import Target, choose_target

if TYPE_CHECKING:
    from gateway.model_client import ModelClient
    from gateway.settings import Settings

MOST_BYTES = 16 * 1024
# More pictures than any request may hold.
_LARGEST_INDEX = 100_000
_FIELDS = ("request_id", "index", "label", "model")
_SHOWN_LABELS = 20


def make_routes(
    settings: Settings, client: ModelClient, log: PredictionLog | None
) -> Blueprint:
    """Build the feedback route around the log; without one it says so."""
    routes = Blueprint("feedback", __name__)

    @routes.post("/feedback")
    def add_feedback() -> ResponseReturnValue:
        if log is None:
            raise FeedbackOff(
                "expected a gateway that keeps a prediction log, this one keeps none"
            )
        correction = read_correction(request)
        models = (correction.model,) if correction.model else settings.models
        for model in models:
            choose_target(model, settings.models)
        deadline = Deadline.after(settings.model_timeout_seconds)
        _check_label(correction.label, find_labels(client, models, deadline))
        log.add_correction(correction)
        request_log.note(feedback_on=correction.request_id, label=correction.label)
        return vars(correction), 201

    return routes


def read_correction(asked: Request) -> Correction:
    """The correction in a request's JSON.

    Raises:
        UnsupportedContentType: The body is not JSON by its type.
        InvalidRequest: The body is not such an object.
    """
    if asked.mimetype != "application/json":
        raise UnsupportedContentType(
            f"expected application/json, received {asked.mimetype[:100] or 'no type'}"
        )
    asked.max_content_length = MOST_BYTES
    try:
        document = json.loads(asked.get_data(cache=False))
    except (ValueError, RecursionError) as error:
        raise InvalidRequest("expected a body that is valid JSON") from error
    if not isinstance(document, dict):
        raise InvalidRequest(
            f"expected a JSON object, received {describe_kind(document)}"
        )
    unknown = sorted(set(document) - set(_FIELDS))
    if unknown:
        raise InvalidRequest(
            f"expected the fields {', '.join(_FIELDS)}, "
            f"received {ascii(unknown[0][:100])}"
        )
    return _to_correction(document)


def _to_correction(document: Mapping[str, object]) -> Correction:
    request_id = document.get("request_id")
    if not isinstance(request_id, str) or not request_log.is_request_id(request_id):
        raise InvalidRequest(
            "expected 'request_id' as a reply has it, received "
            f"{ascii(request_id)[:100]}"
        )
    label = document.get("label")
    if not isinstance(label, str):
        raise InvalidRequest(f"expected text as 'label', received {_kind(label)}")
    index = document.get("index", 0)
    is_number = isinstance(index, int) and not isinstance(index, bool)
    if not is_number or not 0 <= index <= _LARGEST_INDEX:
        raise InvalidRequest(
            f"expected the picture's place in the request, 0 to {_LARGEST_INDEX}, as "
            f"'index', received {ascii(index)[:100]}"
        )
    model = document.get("model")
    if model is not None and (not isinstance(model, str) or not model):
        raise InvalidRequest(f"expected text as 'model', received {_kind(model)}")
    return Correction(request_id, index, label, model)


def _kind(value: object) -> str:
    return "an empty text" if value == "" else describe_kind(value)


def find_labels(
    client: ModelClient, models: tuple[str, ...], deadline: Deadline
) -> tuple[str, ...]:
    """Every label that one of these models knows, in their order.

    Raises:
        GatewayError: The one model that is meant does not answer, or none does.
    """
    if len(models) == 1:
        return client.contract(Target(models[0]), deadline).contract.labels
    served = known_models(client, models, deadline)
    if not served:
        raise ModelUnavailable("no model can be asked for its labels now")
    return tuple(
        dict.fromkeys(label for model in served for label in model.contract.labels)
    )


def _check_label(label: str, known: tuple[str, ...]) -> None:
    if label not in known:
        shown = ", ".join(known[:_SHOWN_LABELS])
        more = ", ..." if len(known) > _SHOWN_LABELS else ""
        raise InvalidRequest(
            f"expected one of the labels {shown}{more}, received {ascii(label[:100])}"
        )
