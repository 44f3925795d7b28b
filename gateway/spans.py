"""Spans for OpenTelemetry: one a request and one a stage, sent in the background.

Imported only where a collector is configured; the SDK reads the OTEL_ names itself.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass

from opentelemetry import context
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import SERVICE_NAME, Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter
from opentelemetry.trace import Span, SpanKind, StatusCode, Tracer, set_span_in_context
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from gateway.timings import MODEL
from gateway.trace import Metadata

SERVICE = "gateway"
_UNNAMED = "unknown_service"
_propagator = TraceContextTextMapPropagator()


class SpanExport:
    """The tracer of one process. Make it after the fork: a thread of its own sends."""

    def __init__(self, exporter: SpanExporter | None = None) -> None:
        """By default over HTTP to where OTEL_EXPORTER_OTLP_ENDPOINT says."""
        resource = Resource.create()
        if str(resource.attributes[SERVICE_NAME]).startswith(_UNNAMED):
            resource = resource.merge(Resource({SERVICE_NAME: SERVICE}))
        self._provider = TracerProvider(resource=resource)
        sender = BatchSpanProcessor(exporter or OTLPSpanExporter())
        self._provider.add_span_processor(sender)
        self._tracer = self._provider.get_tracer(SERVICE)

    def begin(self, name: str, headers: Mapping[str, str]) -> SpannedTrace:
        """Open the span of one request, below the caller's if its headers name one.

        Until end() it is the current one of this thread.
        """
        lowered = {header.lower(): value for header, value in headers.items()}
        caller = _propagator.extract(lowered)
        request_span = self._tracer.start_span(name, caller, SpanKind.SERVER)
        token = context.attach(set_span_in_context(request_span, caller))
        return SpannedTrace(self._tracer, request_span, token)

    def close(self) -> None:
        """Send what is left; the SDK does so too when the process ends."""
        self._provider.shutdown()


@dataclass(frozen=True)
class SpannedTrace:
    """The trace of one request whose parts are looked at."""

    _tracer: Tracer
    _request_span: Span
    _token: object

    @property
    def trace_id(self) -> str:
        """32 hexadecimal digits."""
        return f"{self._request_span.get_span_context().trace_id:032x}"

    @property
    def metadata(self) -> Metadata:
        """The span that is open now, as the parent of what a gRPC call causes."""
        carrier: dict[str, str] = {}
        _propagator.inject(carrier)
        return tuple(carrier.items())

    def span(self, name: str) -> AbstractContextManager[object]:
        """A span of one stage."""
        kind = SpanKind.CLIENT if name == MODEL else SpanKind.INTERNAL
        return self._tracer.start_as_current_span(name, kind=kind)

    def end(self, status: int, facts: Mapping[str, str | int]) -> None:
        """Close the request's span with its HTTP status and what is known of it."""
        self._request_span.set_attributes(dict(facts))
        self._request_span.set_attribute("http.response.status_code", status)
        if status >= 500:
            self._request_span.set_status(StatusCode.ERROR)
        self._request_span.end()
        context.detach(self._token)
