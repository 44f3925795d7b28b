"""Every request enters its trace: the caller's, or one whose spans are collected."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from flask import Flask, Response, g, request

from gateway import request_log
from gateway.trace import PassedTrace, enter_trace, read_trace

if TYPE_CHECKING:
    from gateway.spans import SpanExport

# Facts of the request's line that its span tells too.
_SHOWN_FACTS = ("model", "version", "caller")


def add_tracing(app: Flask, spans: SpanExport | None) -> None:
    """Name the trace in each request's line, and let calls inward belong to it."""

    def begin() -> None:
        # A thread keeps what the request before has set.
        enter_trace(PassedTrace())
        if request_log.is_probe():
            return
        if spans is None:
            trace = read_trace(request.headers)
        else:
            route = request.url_rule or "no route"
            trace = spans.begin(f"{request.method} {route}", request.headers)
            g.spanned = trace
        enter_trace(trace)
        if trace.trace_id is not None:
            request_log.note(trace_id=trace.trace_id)

    def remember_status(response: Response) -> Response:
        g.status = response.status_code
        return response

    def end(_error: BaseException | None) -> None:
        trace = g.pop("spanned", None)
        if trace is not None:
            trace.end(g.get("status", 500), _attributes())
        enter_trace(PassedTrace())

    app.before_request(begin)
    app.after_request(remember_status)
    app.teardown_request(end)


def _attributes() -> dict[str, str | int]:
    """Names as OpenTelemetry's conventions for HTTP have them, ours below gateway."""
    known = {name: g.facts[name] for name in _SHOWN_FACTS if name in g.facts}
    return {
        "http.request.method": request.method,
        "http.route": str(request.url_rule or ""),
        "gateway.request_id": g.request_id,
        **{f"gateway.{name}": value for name, value in known.items()},
    }


def is_collected(environ: Mapping[str, str]) -> bool:
    """True if OpenTelemetry's own variables name a collector of traces."""
    endpoints = ("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")
    is_off = (
        environ.get("OTEL_SDK_DISABLED", "").lower() == "true"
        or environ.get("OTEL_TRACES_EXPORTER", "otlp") != "otlp"
    )
    return not is_off and any(environ.get(name) for name in endpoints)
