"""POST /explain: one picture in; its scores, and where the model looked, out."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
from flask import Blueprint, Response, g, request
from flask.typing import ResponseReturnValue
from numpy.typing import NDArray

from gateway import request_log
from gateway.deadline import Deadline
from gateway.errors import InvalidRequest
from gateway.explanation import Explanation, explain
from gateway.heatmap import draw_overlay
from gateway.prediction import PredictionReply
from gateway.query import read_query
from gateway.targets import Target, choose_target
from gateway.timings import SERVER_TIMING, Stopwatch
from gateway.upload import Fetch, read_upload

if TYPE_CHECKING:
    from gateway.decoder import Decoder
    from gateway.model_client import ModelClient
    from gateway.settings import Settings
    from gateway.split import Split

OVERLAY_PIXELS = 640
_JSON = "application/json"
_PNG = "image/png"
_SWITCH = {"true": True, "1": True, "false": False, "0": False}


def make_routes(
    settings: Settings,
    client: ModelClient,
    fetch: Fetch,
    decoder: Decoder,
    split: Split,
) -> Blueprint:
    """Build the explanation route around one model client."""
    routes = Blueprint("explain", __name__)

    @routes.post("/explain")
    def explain_picture() -> ResponseReturnValue:
        watch = Stopwatch()
        wants_png = request.accept_mimetypes.best_match((_JSON, _PNG)) == _PNG
        wants_overlay = _read_switch(request.args, "overlay") or wants_png
        choose_target(read_query(request.args).model, settings.models)
        upload = read_upload(request, settings.max_image_bytes, fetch, watch=watch)
        query = read_query(request.args, upload.fields)
        target = choose_target(query.model, settings.models, query.version, query.label)
        (picture,) = upload.pictures
        deadline = Deadline.after(settings.model_timeout_seconds)

        def ask(asked: Target, until: Deadline) -> Explanation:
            decode = partial(decoder.decode, (picture,), until)
            return explain(client, asked, decode, until, watch)

        explanation = split.ask(target, deadline, watch, ask)
        reply = PredictionReply.from_classification(explanation.answer, top=query.top)
        overlay = b""
        if wants_overlay:
            overlay = draw_overlay(
                decoder.draw_thumbnail(picture, deadline, OVERLAY_PIXELS),
                explanation.heatmap,
            )
        timings = watch.read()
        request_log.note_answer(request_log.Answer(reply, (picture,), timings))
        headers = {SERVER_TIMING: timings.to_header()}
        if wants_png:
            return Response(overlay, mimetype=_PNG, headers=headers)
        body = reply.to_json(g.request_id, timings)
        return body | _heat_json(explanation.heatmap, overlay), headers

    return routes


def _read_switch(arguments: Mapping[str, str], name: str) -> bool:
    """True unless the caller turns it off."""
    value = arguments.get(name, "true").lower()
    if value not in _SWITCH:
        raise InvalidRequest(
            f"expected true or false as '{name}', received {ascii(value)[:100]}"
        )
    return _SWITCH[value]


def _heat_json(heatmap: NDArray[np.float32], overlay: bytes) -> dict[str, Any]:
    """The map row by row, in the shortest decimals that give the float32 back."""
    parts: dict[str, Any] = {
        "heatmap": [[float(str(cell)) for cell in row] for row in heatmap]
    }
    if overlay:
        text = base64.b64encode(overlay).decode("ascii")
        parts["overlay"] = f"data:{_PNG};base64,{text}"
    return parts
