"""Answers to requests that no application will see: hardly HTTP, or too slow."""

from __future__ import annotations

import json
import uuid
from http import HTTPStatus

from gunicorn.http.errors import (
    ExpectationFailed,
    LimitRequestHeaders,
    LimitRequestLine,
    ParseException,
    UnsupportedTransferCoding,
)

_REASONS: dict[type[ParseException], tuple[HTTPStatus, str]] = {
    LimitRequestLine: (HTTPStatus.REQUEST_URI_TOO_LONG, "a shorter request line"),
    LimitRequestHeaders: (
        HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE,
        "fewer or shorter header fields",
    ),
    ExpectationFailed: (HTTPStatus.EXPECTATION_FAILED, "Expect: 100-continue or none"),
    # RFC 9112 suggests 501; what the client can mend is a 4xx here.
    UnsupportedTransferCoding: (HTTPStatus.BAD_REQUEST, "Transfer-Encoding: chunked"),
}


def describe_parse_error(error: ParseException) -> tuple[HTTPStatus, str]:
    """Status and sentence for a request that gunicorn's parser refuses.

    The sentence repeats nothing of what was received: it may be anything.
    """
    unnamed = (HTTPStatus.BAD_REQUEST, "a request of HTTP/1.1")
    status, expected = _REASONS.get(type(error), unnamed)
    return status, f"expected {expected}, received {_spaced(type(error).__name__)}"


def write_refusal(status: HTTPStatus, detail: str) -> bytes:
    """A whole answer, in the form of all errors; the connection ends with it."""
    request_id = uuid.uuid4().hex
    document = {
        "type": "about:blank",
        "title": status.phrase,
        "status": status.value,
        "detail": detail,
        "code": status.phrase.lower().replace(" ", "_").replace("-", "_"),
        "request_id": request_id,
    }
    body = json.dumps(document).encode()
    head = (
        f"HTTP/1.1 {status.value} {status.phrase}\r\n"
        "Content-Type: application/problem+json\r\nConnection: close\r\n"
        f"X-Request-ID: {request_id}\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


def _spaced(name: str) -> str:
    """InvalidHeader as "invalid header": the parser's own word for it."""
    words = "".join(
        f" {letter.lower()}" if letter.isupper() else letter for letter in name
    )
    return words.strip()
