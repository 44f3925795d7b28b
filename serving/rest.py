"""The HTTP door: TensorFlow Serving's headers and codes around its JSON calls."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from flask import Flask, Request, Response, request
from grpc import StatusCode
from werkzeug import Response as AnyResponse
from werkzeug.exceptions import NotFound

from serving.calls import Call, NoteCall, ignore_call
from serving.errors import ServingError, failed_precondition
from serving.json_answers import write_error
from serving.json_writer import encode_text
from serving.models import ModelStore
from serving.rest_body import inflate_body
from serving.rest_calls import RestCalls
from serving.rest_paths import METADATA, STATUS, parse_path
from serving.servable import Servable
from serving.timed_lease import NoteRuntime, ignore_runtime

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
_API_PREFIX = "/v1/"
# Of a request line as proxies are sent it: `GET http://host/v1/... HTTP/1.1`.
_AUTHORITY = re.compile("^https?://[^/?#]*", re.IGNORECASE)
_ORIGIN = re.compile("https?://")
# Source: AddCORSHeaders of http_rest_api_util.cc.
_CORS_HEADERS = {
    "Access-Control-Allow-Origin": "*",
    "Access-Control-Allow-Methods": "POST, GET",
    "Access-Control-Allow-Headers": "Content-Type",
}
_WITHOUT_METHOD = (STATUS, METADATA)


@dataclass(frozen=True, kw_only=True)
class RestOptions:
    """How the door answers.

    timeout_seconds: Longest run of the model; None is no end. has_cors: Answers under
    /v1/ may be read by pages of other sites. note_call: Told of every call under
    /v1/. note_runtime: Told of every successful run. pages: Text for any verb by exact
    path, outside /v1/.
    """

    timeout_seconds: float | None = None
    has_cors: bool = False
    note_call: NoteCall = ignore_call
    note_runtime: NoteRuntime = ignore_runtime
    pages: Mapping[str, Callable[[], str]] = field(default_factory=dict)


class _App(Flask):
    """Looks for no routes, of which there are none: Flask's know verbs and slashes that
    TensorFlow Serving does not, and a path without one keeps its request in memory, by
    the traceback of an error nobody sees.
    """

    # pylint: disable-next=redefined-outer-name  # as Flask names it
    def create_url_adapter(self, request: Request | None) -> None:
        """None: do not look."""
        del request


@dataclass
class _Noted:
    """What is known of a call while it is answered, for whoever notes it."""

    method: str = ""
    model: str = ""
    code: StatusCode = StatusCode.INTERNAL


def create_app(
    store: ModelStore[Servable], options: RestOptions = RestOptions()
) -> Flask:
    """Build the WSGI application over the served models."""
    app = _App(__name__, static_folder=None)
    calls = RestCalls(store, options.timeout_seconds, options.note_runtime)

    # In place of a route.
    @app.before_request
    def answer() -> AnyResponse:
        # The path as it was sent: names are decoded only after it was taken apart.
        path = _AUTHORITY.sub("", request.environ["REQUEST_URI"])
        page = path.partition("?")[0]
        if page in options.pages:
            return _answer_page(options.pages[page], path, page)
        if not path.lower().startswith(_API_PREFIX):
            return NotFound().get_response()
        return _answer_call(calls, path, options)

    @app.errorhandler(500)
    def describe_bug(_: Exception) -> Response:
        # Flask has logged the traceback.
        return _json(write_error("internal error"), StatusCode.INTERNAL, options)

    return app


def _answer_page(write: Callable[[], str], path: str, page: str) -> Response:
    if path != page:
        wrong = f"Unexpected path: {path}. Should be {page}"
        return Response(wrong, 400, mimetype="text/plain")
    return Response(write(), mimetype="text/plain")


def _answer_call(calls: RestCalls, path: str, options: RestOptions) -> Response:
    """One call under /v1/, and note it, also when it ends in a bug."""
    noted, start = _Noted(), time.perf_counter()
    try:
        encoding = request.headers.get("Content-Encoding", "")
        body = inflate_body(request.stream.read(), encoding)
        start = time.perf_counter()
        text = _answer(calls, path, body, noted)
        noted.code = StatusCode.OK
    except ServingError as error:
        noted.code = error.code
        text = "" if request.method == "OPTIONS" else write_error(error.message)
    finally:
        options.note_call(
            Call(
                entrypoint="REST",
                method=noted.method,
                model=noted.model,
                code=noted.code,
                seconds=time.perf_counter() - start,
            )
        )
    return _json(text, noted.code, options)


def _answer(calls: RestCalls, path: str, body: bytes, noted: _Noted) -> str:
    """The text of the answer; writes what is known of the call into noted."""
    if request.method == "OPTIONS":
        _check_origin(request.headers.get("Origin", ""))
        return ""
    call = parse_path(request.method, path)
    noted.model = call.target.name
    noted.method = "" if call.kind in _WITHOUT_METHOD else call.kind
    return calls.answer(call, body)


def _check_origin(origin: str) -> None:
    if not _ORIGIN.search(origin):
        raise failed_precondition("expected an Origin header with http(s)://")


def _json(text: str, code: StatusCode, options: RestOptions) -> Response:
    answer = Response(encode_text(text), HTTP_STATUS[code], mimetype="application/json")
    if options.has_cors:
        answer.headers.update(_CORS_HEADERS)
    return answer
