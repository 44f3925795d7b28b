"""What is answered before there is an application."""

from __future__ import annotations

import json
from http import HTTPStatus

import pytest
from gunicorn.http import errors

from gateway.refusals import describe_parse_error, write_refusal


def test_refusal():
    """An answer without an application has the form of all others."""
    head, _, body = write_refusal(
        HTTPStatus.REQUEST_TIMEOUT, "expected more"
    ).partition(b"\r\n\r\n")

    assert head.startswith(b"HTTP/1.1 408 Request Timeout\r\n")
    assert b"\r\nContent-Length: %d" % len(body) in head
    document = json.loads(body)
    assert document.pop("request_id")
    assert document == {
        "type": "about:blank",
        "title": "Request Timeout",
        "status": 408,
        "detail": "expected more",
        "code": "request_timeout",
    }


@pytest.mark.parametrize(
    "error, status",
    [
        (errors.InvalidHeader("secret"), 400),
        (errors.InvalidRequestLine("secret"), 400),
        (errors.UnsupportedTransferCoding("secret"), 400),
        (errors.LimitRequestLine(9000, 4094), 414),
        (errors.ExpectationFailed("secret"), 417),
        (errors.LimitRequestHeaders("secret"), 431),
    ],
)
def test_parse_errors(error, status):
    """Each error of the parser is the client's, and repeats nothing it sent."""
    described, detail = describe_parse_error(error)

    assert described == status
    assert detail.startswith("expected ") and ", received " in detail
    assert "secret" not in detail
