"""GET and POST /: the page for people; works without JavaScript."""

from __future__ import annotations

import base64
from functools import partial
from typing import TYPE_CHECKING

from flask import Blueprint, Response, g, make_response, render_template, request
from flask.typing import ResponseReturnValue

from gateway import request_log
from gateway.catalog import known_models
from gateway.classification import classify
from gateway.deadline import Deadline
from gateway.errors import GatewayError
from gateway.image import FORMATS
from gateway.prediction import PredictionReply
from gateway.problem import set_retry_after
from gateway.targets import choose_target
from gateway.upload import Fetch, read_upload

if TYPE_CHECKING:
    from gateway.decoder import Decoder
    from gateway.model_client import ModelClient
    from gateway.settings import Settings

THUMBNAIL_PIXELS = 640
SHOWN_SCORES = 10
# Named one by one, because an iPhone then sends its HEIC photos as JPEG.
_MEDIA_TYPES = ",".join(f"image/{name.lower()}" for name in FORMATS)


def make_routes(
    settings: Settings, client: ModelClient, fetch: Fetch, decoder: Decoder
) -> Blueprint:
    """Build the page around one model client."""
    routes = Blueprint("pages", __name__)

    def render(**parts: object) -> Response:
        deadline = Deadline.after(settings.model_timeout_seconds)
        page = render_template(
            "page.html",
            settings=settings,
            served=known_models(client, settings.models, deadline),
            chosen=g.get("chosen_model", settings.default_model),
            shown_scores=SHOWN_SCORES,
            formats=FORMATS,
            media_types=_MEDIA_TYPES,
            error_kinds=GatewayError.__subclasses__(),
            **parts,
        )
        return make_response(page)

    @routes.get("/")
    def show_form() -> ResponseReturnValue:
        return render()

    @routes.post("/")
    def show_answer() -> ResponseReturnValue:
        upload = read_upload(request, settings.max_image_bytes, fetch)
        target = choose_target(upload.model, settings.models)
        g.chosen_model = target.model
        deadline = Deadline.after(settings.model_timeout_seconds)
        decode = partial(decoder.decode, upload.pictures, deadline)
        answer = classify(client, target, decode, deadline)
        reply = PredictionReply.from_classification(answer)
        request_log.note(**reply.facts())
        thumbnail = decoder.draw_thumbnail(
            upload.pictures[0], deadline, THUMBNAIL_PIXELS
        )
        return render(reply=reply, picture=base64.b64encode(thumbnail).decode("ascii"))

    @routes.errorhandler(GatewayError)
    def show_error(error: GatewayError) -> ResponseReturnValue:
        """The same page with a sentence; the status stays that of the error."""
        request_log.log_failure(error)
        response = render(error=error)
        response.status_code = error.status
        set_retry_after(response, error)
        return response

    return routes
