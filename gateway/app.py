"""The Flask application: rooms wired together, errors translated once, at the edge."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from flask import Flask, Response, request
from werkzeug.exceptions import HTTPException
from werkzeug.middleware.proxy_fix import ProxyFix

from gateway import request_log
from gateway.access import add_access
from gateway.admission import add_admission
from gateway.api_keys import KeyRing
from gateway.canary import CanaryFile
from gateway.decoder import Decoder
from gateway.errors import GatewayError
from gateway.fetch import make_fetch
from gateway.learning import add_prediction_log
from gateway.metrics import Metrics, add_metrics
from gateway.prediction_log import open_prediction_log
from gateway.problem import FIXED_TEXT, error_response, problem_response
from gateway.routes import (
    docs,
    explain,
    feedback,
    health,
    models,
    open_inference,
    pages,
    predict,
)
from gateway.settings import OFF
from gateway.split import Split
from gateway.tracing import add_tracing
from gateway.upload import Fetch, UploadRequest

if TYPE_CHECKING:
    from gateway.model_client import ModelClient
    from gateway.settings import Settings
    from gateway.spans import SpanExport

_CONTENT_POLICY = (
    "default-src 'none'; script-src 'self'; connect-src 'self'; style-src 'self'; "
    "img-src 'self' data: blob:; form-action 'self'; base-uri 'none'; "
    "frame-ancestors 'none'"
)
_DRAIN_CHUNK_BYTES = 64 * 1024


def create_app(
    settings: Settings,
    client: ModelClient,
    fetch: Fetch | None = None,
    metrics: Metrics | None = None,
    spans: SpanExport | None = None,
) -> Flask:
    """Build the gateway around one model client.

    Args:
        fetch: Gets the picture at a URL; by default as the settings say.
        metrics: Where requests are counted; by default in this process alone.
        spans: Where each request's parts go; by default nowhere.
    """
    app = _make_flask()
    log = open_prediction_log(settings)
    request_log.add_request_log(app)
    add_tracing(app, spans)
    add_metrics(app, metrics := metrics or Metrics())
    _add_edge(app, settings)
    if log is not None:
        add_prediction_log(app, log)
    fetch = fetch or make_fetch(settings)
    decoder = Decoder(settings.max_image_pixels)
    split = _make_split(app, settings, client, metrics)
    for routes in (
        predict.make_routes(settings, client, fetch, decoder, split),
        explain.make_routes(settings, client, fetch, decoder, split),
        open_inference.make_routes(settings, client, decoder, split),
        models.make_routes(settings, client),
        pages.make_routes(settings, client, fetch, decoder, split),
        feedback.make_routes(settings, client, log),
        health.make_routes(settings, client, metrics),
        docs.make_routes(settings),
    ):
        app.register_blueprint(routes)
    app.register_error_handler(GatewayError, _answer_gateway_error)
    app.register_error_handler(HTTPException, _answer_http_error)
    app.register_error_handler(Exception, _answer_bug)
    return app


class _Gateway(Flask):
    """Flask without asynchronous views, which it looks for at each of 14 hooks."""

    def ensure_sync(self, func: Callable[..., Any]) -> Callable[..., Any]:
        """The function as it is."""
        return func


def _make_flask() -> Flask:
    app = _Gateway("gateway")
    app.request_class = UploadRequest
    app.json.sort_keys = False
    app.jinja_env.trim_blocks = app.jinja_env.lstrip_blocks = True
    return app


def _make_split(
    app: Flask, settings: Settings, client: ModelClient, metrics: Metrics
) -> Split:
    """Which version each request is for; the file of canaries is followed."""
    if settings.canary_file == OFF:
        return Split(client, metrics)
    canaries = CanaryFile(Path(settings.canary_file))
    split = Split(client, metrics, settings.models, canaries)
    app.before_request(split.follow)
    return split


def _add_edge(app: Flask, settings: Settings) -> None:
    """What every request passes, in this order, and every answer in the reverse one."""
    if settings.trusted_proxies:
        proxies = ProxyFix(app.wsgi_app, x_for=settings.trusted_proxies, x_proto=0)
        app.wsgi_app = proxies  # type: ignore[method-assign]
    app.after_request(_drain_body)
    app.after_request(_set_security_headers)
    if settings.api_keys_file != OFF:
        add_access(app, KeyRing(Path(settings.api_keys_file)))
    if settings.rate_limit != OFF:
        # pylint: disable-next=import-outside-toplevel  # most gateways limit nobody
        from gateway.rate_limit import add_rate_limit

        add_rate_limit(app, settings.rate_limit)
    add_admission(app, settings)


def _answer_gateway_error(error: GatewayError) -> Response:
    request_log.log_failure(error)
    return error_response(error)


def _answer_http_error(error: HTTPException) -> Response:
    """404, 405 and what else Flask raises; its headers (Allow) are kept."""
    if error.response is not None or not error.code or error.code < 400:
        return error.get_response()
    code = error.name.lower().replace(" ", "_")
    response = problem_response(error.code, code, error.description or error.name)
    for name, value in error.get_headers():
        if name != "Content-Type":
            response.headers[name] = value
    return response


def _answer_bug(error: Exception) -> Response:
    """Whatever nobody expected: a fixed text outside, the traceback in the log."""
    request_log.log_failure(error)
    return problem_response(500, "internal_error", FIXED_TEXT)


def _set_security_headers(response: Response) -> Response:
    """Nothing here needs an inline script or style, a frame or another site."""
    response.headers.setdefault("Content-Security-Policy", _CONTENT_POLICY)
    response.headers["X-Content-Type-Options"] = "nosniff"
    response.headers["Referrer-Policy"] = "no-referrer"
    return response


def _drain_body(response: Response) -> Response:
    """Read what the client still sends: an answer that overtakes a body is lost.

    The worker ends a body that is too long or too slow.
    """
    if request.environ.get("wsgi.input_terminated"):
        with suppress(OSError):
            while request.environ["wsgi.input"].read(_DRAIN_CHUNK_BYTES):
                pass
    return response
