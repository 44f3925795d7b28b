"""GET and POST /: the page for people; works without JavaScript."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING

from flask import Blueprint, Response, g, make_response, render_template, request
from flask.typing import ResponseReturnValue

from gateway import request_log
from gateway.catalog import known_models
from gateway.classification import Classification, classify
from gateway.deadline import Deadline
from gateway.decoder import PictureReader
from gateway.errors import GatewayError
from gateway.image import FORMATS
from gateway.prediction import PredictionReply
from gateway.problem import set_retry_after
from gateway.query import read_query
from gateway.reports import has_report
from gateway.request_log import Answer
from gateway.targets import Target, choose_target
from gateway.timings import Stopwatch
from gateway.upload import BatchLimits, Fetch, read_upload

if TYPE_CHECKING:
    from gateway.body import Picture
    from gateway.decoder import Decoder
    from gateway.model_client import ModelClient
    from gateway.settings import Settings
    from gateway.split import Split

# The longest side of the only photo, and of each of several.
ONE_PHOTO_PIXELS = 640
MANY_PHOTOS_PIXELS = 320
SHOWN_SCORES = 10
# Named one by one, because an iPhone then sends its HEIC photos as JPEG.
_MEDIA_TYPES = ",".join(f"image/{name.lower()}" for name in FORMATS)


def make_routes(
    settings: Settings,
    client: ModelClient,
    fetch: Fetch,
    decoder: Decoder,
    split: Split,
) -> Blueprint:
    """Build the page around one model client."""
    routes = Blueprint("pages", __name__)

    def render(**parts: object) -> Response:
        deadline = Deadline.after(settings.model_timeout_seconds)
        page = render_template(
            "page.html",
            settings=settings,
            has_report=partial(has_report, settings),
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
        watch = Stopwatch()
        batch = BatchLimits.from_settings(settings)
        upload = read_upload(request, settings.max_image_bytes, fetch, batch, watch)
        target = choose_target(read_query(upload.fields).model, settings.models)
        g.chosen_model = target.model
        deadline = Deadline.after(settings.model_timeout_seconds)
        reader = PictureReader(decoder, upload.pictures, deadline)

        def ask(asked: Target, until: Deadline) -> Classification:
            return classify(client, asked, reader.read, until, watch)

        answer = split.ask(target, deadline, watch, ask)
        reply = PredictionReply.from_classification(answer, reader.errors)
        request_log.note_answer(Answer(reply, upload.pictures, watch.read()))
        photos = _draw_photos(decoder, upload.pictures, deadline)
        return render(reply=reply, photos=photos)

    @routes.errorhandler(GatewayError)
    def show_error(error: GatewayError) -> ResponseReturnValue:
        """The same page with a sentence; the status stays that of the error."""
        request_log.log_failure(error)
        response = render(error=error)
        response.status_code = error.status
        set_retry_after(response, error)
        return response

    return routes


def _draw_photos(
    decoder: Decoder, pictures: Sequence[Picture], deadline: Deadline
) -> tuple[str, ...]:
    """Small copies as data URLs; no text for what cannot be drawn, or not in time."""
    side = ONE_PHOTO_PIXELS if len(pictures) == 1 else MANY_PHOTOS_PIXELS
    photos = [""] * len(pictures)
    for place, picture in enumerate(pictures):
        with suppress(GatewayError):
            if isinstance(picture, bytes) and deadline.remaining_seconds():
                thumbnail = decoder.draw_thumbnail(picture, deadline, side)
                text = base64.b64encode(thumbnail).decode("ascii")
                photos[place] = f"data:image/jpeg;base64,{text}"
    return tuple(photos)
