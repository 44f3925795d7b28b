"""The Open Inference Protocol's REST API at /v2, for clients made for other servers.

Source: KServe's "Open Inference Protocol" and its binary extension.
"""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from flask import Blueprint, Response, request
from flask.typing import ResponseReturnValue

from gateway import problem, request_log
from gateway.catalog import find_problems
from gateway.classification import Classification, classify
from gateway.deadline import Deadline
from gateway.inference_body import read_body
from gateway.inference_input import read_input
from gateway.inference_limits import InputLimits
from gateway.inference_models import SERVER, describe_tensors, is_ready
from gateway.inference_reply import make_response
from gateway.inference_request import read_request
from gateway.prediction import PredictionReply
from gateway.query import read_query
from gateway.targets import Target, choose_target
from gateway.timings import SERVER_TIMING, Stopwatch

if TYPE_CHECKING:
    from gateway.decoder import Decoder
    from gateway.model_client import ModelClient
    from gateway.settings import Settings
    from gateway.split import Split

ROOT = "/v2"
_MODEL = "/models/<model>"
_VERSION = "/models/<model>/versions/<version>"


def make_routes(
    settings: Settings, client: ModelClient, decoder: Decoder, split: Split
) -> Blueprint:
    """Build the protocol's routes around one model client."""
    routes = Blueprint("open_inference", __name__, url_prefix=ROOT)
    routes.after_app_request(_speak_protocol)
    limits = InputLimits.from_settings(settings)

    def deadline(patience_seconds: float = math.inf) -> Deadline:
        return Deadline.after(min(settings.model_timeout_seconds, patience_seconds))

    @routes.get("")
    def describe_server() -> ResponseReturnValue:
        return SERVER

    @routes.get("/health/live")
    def live() -> ResponseReturnValue:
        return {"live": True}

    @routes.get("/health/ready")
    def ready() -> ResponseReturnValue:
        problems = find_problems(client, settings.models, deadline())
        return {"ready": not problems}, 503 if problems else 200

    @routes.get(_MODEL)
    @routes.get(_VERSION)
    def describe_model(model: str, version: str = "") -> ResponseReturnValue:
        target = _choose(model, version, settings.models)
        return describe_tensors(client, target, deadline())

    @routes.get(f"{_MODEL}/ready")
    @routes.get(f"{_VERSION}/ready")
    def model_ready(model: str, version: str = "") -> ResponseReturnValue:
        target = _choose(model, version, settings.models)
        answers = is_ready(client, target, deadline())
        return {"name": model, "ready": answers}, 200 if answers else 503

    @routes.post(f"{_MODEL}/infer")
    @routes.post(f"{_VERSION}/infer")
    def infer(model: str, version: str = "") -> ResponseReturnValue:
        watch = Stopwatch()
        target = _choose(model, version, settings.models)
        wanted = read_request(read_body(request, limits.body_bytes))
        ends = deadline(wanted.timeout_seconds)
        pixels_name = client.contract(target, ends).contract.tensors.images
        read = partial(decoder.try_decode, deadline=ends)
        asked = read_input(wanted.input, pixels_name, limits, read)

        def ask(version: Target, until: Deadline) -> Classification:
            return classify(client, version, asked.decode, until, watch)

        answer = split.ask(target, ends, watch, ask)
        response = make_response(answer, wanted)
        timings = watch.read()
        reply = PredictionReply.from_classification(answer, top=1)
        request_log.note_answer(request_log.Answer(reply, asked.pictures, timings))
        response.headers[SERVER_TIMING] = timings.to_header()
        return response

    return routes


def _choose(model: str, version: str, models: Sequence[str]) -> Target:
    """The model and version that an address names."""
    wanted = read_query({"model": model, "version": version})
    return replace(choose_target(wanted.model, models), version=wanted.version)


def _speak_protocol(response: Response) -> Response:
    """Every problem below /v2, whoever tells it, in this protocol's own form."""
    is_ours = request.path == ROOT or request.path.startswith(f"{ROOT}/")
    if is_ours and response.mimetype == problem.MEDIA_TYPE:
        text = json.dumps({"error": response.get_json()["detail"]})
        response.set_data(text)
        response.mimetype = "application/json"
    return response
