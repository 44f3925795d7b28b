"""Errors as RFC 9457 problem documents; the only shape an API error leaves in."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

from flask import Response, g, jsonify

from gateway.errors import GatewayError

MEDIA_TYPE = "application/problem+json"
FIXED_TEXT = "The gateway failed; the request id names the log entry."


def problem_response(status: int, code: str, detail: str) -> Response:
    """One problem document with the request's id."""
    body: dict[str, Any] = {
        "type": "about:blank",
        "title": HTTPStatus(status).phrase,
        "status": int(status),
        "detail": detail,
        "code": code,
        "request_id": g.request_id,
    }
    response = jsonify(body)
    response.status_code = status
    response.mimetype = MEDIA_TYPE
    return response


def error_response(error: GatewayError) -> Response:
    """The problem document of one of our own errors."""
    response = problem_response(error.status, error.code, str(error))
    set_retry_after(response, error)
    return response


def set_retry_after(response: Response, error: GatewayError) -> None:
    """Tell the caller when trying again may help, if it may."""
    if error.retry_after_seconds is not None:
        response.headers["Retry-After"] = str(error.retry_after_seconds)
