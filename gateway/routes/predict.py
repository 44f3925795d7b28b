"""POST /predict: pictures in, labels and scores out."""

from __future__ import annotations

from typing import TYPE_CHECKING

from flask import Blueprint, g, request
from flask.typing import ResponseReturnValue

from gateway import request_log
from gateway.classification import Classification, classify
from gateway.deadline import Deadline
from gateway.decoder import PictureReader
from gateway.prediction import PredictionReply
from gateway.query import read_query
from gateway.targets import Target, choose_target
from gateway.timings import SERVER_TIMING, Stopwatch
from gateway.upload import BatchLimits, Fetch, read_upload

if TYPE_CHECKING:
    from gateway.decoder import Decoder
    from gateway.model_client import ModelClient
    from gateway.settings import Settings
    from gateway.split import Split


def make_routes(
    settings: Settings,
    client: ModelClient,
    fetch: Fetch,
    decoder: Decoder,
    split: Split,
) -> Blueprint:
    """Build the prediction route around one model client."""
    routes = Blueprint("predict", __name__)

    @routes.post("/predict")
    def predict() -> ResponseReturnValue:
        watch = Stopwatch()
        # A model that is not there is told before a large body is read.
        choose_target(read_query(request.args).model, settings.models)
        batch = BatchLimits.from_settings(settings)
        upload = read_upload(request, settings.max_image_bytes, fetch, batch, watch)
        query = read_query(request.args, upload.fields)
        target = choose_target(query.model, settings.models, query.version, query.label)
        deadline = Deadline.after(settings.model_timeout_seconds)
        reader = PictureReader(decoder, upload.pictures, deadline)

        def ask(asked: Target, until: Deadline) -> Classification:
            return classify(client, asked, reader.read, until, watch)

        answer = split.ask(target, deadline, watch, ask)
        reply = PredictionReply.from_classification(answer, reader.errors, query.top)
        timings = watch.read()
        answered = request_log.Answer(reply, upload.pictures, timings)
        request_log.note_answer(answered)
        body = reply.to_json(g.request_id, timings)
        return body, {SERVER_TIMING: timings.to_header()}

    return routes
