"""One line per request, and the id that ties it to the reply; no pictures, no URLs.

Routes note here what they answered; the rooms of the edge read it when they are done.
"""

from __future__ import annotations

import logging
import re
import time
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING

from flask import Flask, Response, g, request

from gateway.log_lines import Facts

if TYPE_CHECKING:
    from gateway.body import Picture
    from gateway.prediction import PredictionReply
    from gateway.timings import Timings

REQUEST_ID_HEADER = "X-Request-ID"
_OUTAGES = frozenset({HTTPStatus.SERVICE_UNAVAILABLE, HTTPStatus.GATEWAY_TIMEOUT})
# Asked by machines every few seconds: open to all, never queued, never logged.
PROBES = frozenset(
    {"/livez", "/healthz", "/readyz", "/metrics", "/v2/health/live", "/v2/health/ready"}
)
logger = logging.getLogger(__name__)

_REQUEST_ID = re.compile(r"[A-Za-z0-9._:-]{1,128}")


@dataclass(frozen=True)
class Answer:
    """What one request was told, of which pictures, and how long each stage took."""

    reply: PredictionReply
    pictures: Sequence[Picture]
    timings: Timings


def add_request_log(app: Flask) -> None:
    """Give every request an id and a line in the log."""
    app.before_request(_start)
    app.after_request(_finish)


def is_probe() -> bool:
    """True if the request under way asks how the gateway itself is."""
    return request.path in PROBES


def note(**facts: object) -> None:
    """Add key=value pairs to the line of the request under way."""
    g.facts.update(facts)


def note_answer(answer: Answer) -> None:
    """Keep what the request under way was told, for its line and the other rooms."""
    g.answer = answer
    note(**answer.reply.facts())


def log_failure(error: Exception) -> None:
    """What went wrong on our side; 4xx and probes leave nothing but their line.

    An outage is a reason on the request's line: under load a traceback per call would
    bury the line that tells when it began. Whatever else it is leaves a traceback.
    """
    g.failure = error
    status = getattr(error, "status", 500)
    if status in _OUTAGES:
        note(reason=error)
    elif status >= 500 and not is_probe():
        event = Facts(request_id=g.request_id, event="failed")
        logger.error(event, exc_info=error)


def is_request_id(text: str) -> bool:
    """True if a text is one that may name a request: it can forge no log line."""
    return _REQUEST_ID.fullmatch(text) is not None


def _start() -> None:
    received = request.headers.get(REQUEST_ID_HEADER, "")
    g.request_id = received if is_request_id(received) else uuid.uuid4().hex
    g.started_at = time.perf_counter()
    g.facts = {}


def _finish(response: Response) -> Response:
    response.headers[REQUEST_ID_HEADER] = g.request_id
    if not is_probe():
        facts = {
            "method": request.method,
            "path": request.path[:200],
            "status": response.status_code,
            "milliseconds": round(1000 * (time.perf_counter() - g.started_at), 1),
            "bytes": request.content_length or 0,
            **g.facts,
            "request_id": g.request_id,
        }
        logger.info(Facts(**facts))
    return response
