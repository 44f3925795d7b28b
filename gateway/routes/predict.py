"""POST /predict: one picture in, labels and scores out."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from flask import Blueprint, g, request
from flask.typing import ResponseReturnValue

from gateway import request_log
from gateway.classification import classify
from gateway.deadline import Deadline
from gateway.prediction import PredictionReply
from gateway.targets import choose_target
from gateway.upload import Fetch, read_upload

if TYPE_CHECKING:
    from gateway.decoder import Decoder
    from gateway.model_client import ModelClient
    from gateway.settings import Settings


def make_routes(
    settings: Settings, client: ModelClient, fetch: Fetch, decoder: Decoder
) -> Blueprint:
    """Build the prediction route around one model client."""
    routes = Blueprint("predict", __name__)

    @routes.post("/predict")
    def predict() -> ResponseReturnValue:
        target = choose_target(request.args.get("model"), settings.models)
        upload = read_upload(request, settings.max_image_bytes, fetch)
        if not request.args.get("model"):
            target = choose_target(upload.model, settings.models)
        deadline = Deadline.after(settings.model_timeout_seconds)
        decode = partial(decoder.decode, upload.pictures, deadline)
        answer = classify(client, target, decode, deadline)
        reply = PredictionReply.from_classification(answer)
        request_log.note(**reply.facts())
        return reply.to_json(g.request_id)

    return routes
