"""One line per request, and the id that ties it to the reply; no pictures, no URLs."""

from __future__ import annotations

import json
import logging
import re
import time
import uuid
from http import HTTPStatus

from flask import Flask, Response, g, request

REQUEST_ID_HEADER = "X-Request-ID"
_OUTAGES = frozenset({HTTPStatus.SERVICE_UNAVAILABLE, HTTPStatus.GATEWAY_TIMEOUT})
PROBES = frozenset({"/livez", "/healthz", "/readyz"})
logger = logging.getLogger(__name__)

_REQUEST_ID = re.compile(r"[A-Za-z0-9._:-]{1,128}")
_PLAIN_VALUE = re.compile(r"[A-Za-z0-9._:/+-]+")


def add_request_log(app: Flask) -> None:
    """Give every request an id and a line in the log."""
    app.before_request(_start)
    app.after_request(_finish)


def note(**facts: object) -> None:
    """Add key=value pairs to the line of the request under way."""
    g.facts.update(facts)


def log_failure(error: Exception) -> None:
    """What went wrong on our side; 4xx and probes leave nothing but their line.

    An outage is a reason on the request's line: under load a traceback per call would
    bury the line that tells when it began. Whatever else it is leaves a traceback.
    """
    status = getattr(error, "status", 500)
    if status in _OUTAGES:
        note(reason=error)
    elif status >= 500 and request.path not in PROBES:
        logger.error("request_id=%s failed", g.request_id, exc_info=error)


def _start() -> None:
    received = request.headers.get(REQUEST_ID_HEADER, "")
    is_usable = _REQUEST_ID.fullmatch(received)
    g.request_id = received if is_usable else uuid.uuid4().hex
    g.started_at = time.perf_counter()
    g.facts = {}


def _finish(response: Response) -> Response:
    response.headers[REQUEST_ID_HEADER] = g.request_id
    if request.path not in PROBES:
        facts = {
            "method": request.method,
            "path": request.path[:200],
            "status": response.status_code,
            "milliseconds": f"{1000 * (time.perf_counter() - g.started_at):.1f}",
            "bytes": request.content_length or 0,
            **g.facts,
            "request_id": g.request_id,
        }
        logger.info(" ".join(f"{key}={_quote(facts[key])}" for key in facts))
    return response


def _quote(value: object) -> str:
    """The value on one line, in quotes where a blank or a line break would mislead."""
    text = str(value)
    return text if _PLAIN_VALUE.fullmatch(text) else json.dumps(text)
