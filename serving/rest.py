"""The HTTP door: TensorFlow Serving's paths and JSON; translates, decides nothing."""

from __future__ import annotations

import json
import logging
import re
from http import HTTPStatus
from urllib.parse import unquote

from flask import Flask, Response, abort, request
from google.protobuf import json_format
from grpc import StatusCode

from serving.errors import ServingError, invalid_argument
from serving.model_service import describe_versions
from serving.models import ModelStore
from serving.servable import Servable

logger = logging.getLogger(__name__)

# Source: http_rest_api_handler.cc; matched whole, query string included.
_VERSION = r"(?:/versions/(?P<version>[0-9]+)|/labels/(?P<label>[^/:]+))?"
_STATUS = re.compile(rf"/v1/models(?:/(?P<name>[^/:]+))?{_VERSION}", re.I)
_NOT_SERVED = re.compile(
    rf"/v1/models/[^/:]+{_VERSION}(?:/metadata|:(?:classify|regress|predict))", re.I
)
_MAX_VERSION = 2**63 - 1
_METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")

# Source: HTTPStatusFromAbslStatus of TensorFlow Serving's net_http.
HTTP_STATUS = {
    StatusCode.OK: 200,
    StatusCode.CANCELLED: 499,
    StatusCode.UNKNOWN: 500,
    StatusCode.INVALID_ARGUMENT: 400,
    StatusCode.DEADLINE_EXCEEDED: 504,
    StatusCode.NOT_FOUND: 404,
    StatusCode.ALREADY_EXISTS: 409,
    StatusCode.PERMISSION_DENIED: 403,
    StatusCode.UNAUTHENTICATED: 401,
    StatusCode.RESOURCE_EXHAUSTED: 429,
    StatusCode.FAILED_PRECONDITION: 400,
    StatusCode.ABORTED: 409,
    StatusCode.OUT_OF_RANGE: 400,
    StatusCode.UNIMPLEMENTED: 501,
    StatusCode.INTERNAL: 500,
    StatusCode.UNAVAILABLE: 503,
    StatusCode.DATA_LOSS: 500,
}


def create_app(store: ModelStore[Servable]) -> Flask:
    """Build the WSGI application over the served models."""
    app = Flask(__name__, static_folder=None)

    @app.route("/<path:_>", methods=_METHODS)
    def answer(_: str) -> Response:
        # The path as it was sent: names are decoded only after it was taken apart.
        path = request.environ["REQUEST_URI"]
        if not path.lower().startswith("/v1/"):
            abort(HTTPStatus.NOT_FOUND)
        status = _STATUS.fullmatch(path)
        if request.method == "GET" and status:
            return _answer_status(store, status)
        if _NOT_SERVED.fullmatch(path):
            raise ServingError(
                StatusCode.UNIMPLEMENTED, f"{request.method} {path} is not served"
            )
        raise invalid_argument(f"Malformed request: {request.method} {path}")

    @app.errorhandler(ServingError)
    def describe_error(error: ServingError) -> Response:
        body = json.dumps({"error": error.message}, indent=1, ensure_ascii=False)
        return _json(body, HTTP_STATUS[error.code])

    @app.errorhandler(500)
    def describe_bug(_: Exception) -> Response:
        # Flask has logged the traceback.
        return _json(json.dumps({"error": "internal error"}, indent=1), 500)

    return app


def _answer_status(store: ModelStore[Servable], match: re.Match[str]) -> Response:
    """Every version, or the one in the path; a label is ignored, as over gRPC."""
    if match["name"] is None:
        raise invalid_argument("Missing model name in request.")
    version = None if match["version"] is None else int(match["version"])
    if version is not None and version > _MAX_VERSION:
        return _json("", HTTP_STATUS[StatusCode.INVALID_ARGUMENT])
    statuses = store.statuses(unquote(match["name"]), version)
    body = json_format.MessageToJson(
        describe_versions(statuses),
        preserving_proto_field_name=True,
        always_print_fields_with_no_presence=True,
        indent=1,
    )
    return _json(body, HTTP_STATUS[StatusCode.OK])


def _json(body: str, status: int) -> Response:
    return Response(body + "\n" if body else "", status, mimetype="application/json")
