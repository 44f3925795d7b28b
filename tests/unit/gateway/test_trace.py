"""The trace of a request: read from HTTP, logged, passed on, and collected."""

from __future__ import annotations

import pytest
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind, StatusCode

from gateway import trace
from gateway.app import create_app
from gateway.errors import ModelUnavailable
from gateway.settings import Settings
from gateway.spans import SpanExport
from gateway.trace import read_trace
from gateway.tracing import is_collected
from tests.unit.gateway.sending import send_raw

# The example of W3C Trace Context.
TRACE_ID = "0af7651916cd43dd8448eb211c80319c"
PARENT_ID = "b7ad6b7169203331"
TRACEPARENT = f"00-{TRACE_ID}-{PARENT_ID}-01"


@pytest.mark.parametrize(
    "headers, metadata",
    [
        ({"traceparent": TRACEPARENT}, [("traceparent", TRACEPARENT)]),
        (
            {"traceparent": TRACEPARENT, "tracestate": "a=1,b=2"},
            [("traceparent", TRACEPARENT), ("tracestate", "a=1,b=2")],
        ),
        # A version of the future: its first four fields are ours.
        (
            {"traceparent": f"cc-{TRACE_ID}-{PARENT_ID}-01-more"},
            [("traceparent", TRACEPARENT)],
        ),
        (
            {"traceparent": TRACEPARENT, "tracestate": "é=1"},
            [("traceparent", TRACEPARENT)],
        ),
        (
            {"traceparent": TRACEPARENT, "tracestate": "a" * 513},
            [("traceparent", TRACEPARENT)],
        ),
    ],
)
def test_passed(headers, metadata):
    """A good trace goes on, in the form that gRPC metadata allows."""
    passed = read_trace(headers)

    assert passed.trace_id == TRACE_ID
    assert list(passed.metadata) == metadata


@pytest.mark.parametrize(
    "text",
    [
        "",
        "garbage",
        TRACEPARENT.upper(),
        f"ff-{TRACE_ID}-{PARENT_ID}-01",
        f"00-{'0' * 32}-{PARENT_ID}-01",
        f"00-{TRACE_ID}-{'0' * 16}-01",
        f"{TRACEPARENT}-more",
        f"00-{TRACE_ID[:-1]}-{PARENT_ID}-01",
        f"00-{TRACE_ID}-{PARENT_ID}",
        "00-" + "a" * 100_000,
    ],
)
def test_malformed(text):
    """What the standard does not allow is as if it were not there, a state too."""
    passed = read_trace({"traceparent": text})

    assert passed == read_trace({"tracestate": "a=1"})
    assert (passed.trace_id, passed.metadata) == (None, ())


@pytest.fixture(name="seen")
def _seen(client):
    """What each predict call of the fake client would tell of its trace."""
    seen = []
    answer = client.predict

    def look(*arguments):
        seen.append(dict(trace.metadata()))
        return answer(*arguments)

    client.predict = look
    return seen


def test_request(web, seen, encode_picture, caplog):
    """A caller's trace reaches the model server and the log, and ends there."""
    caplog.set_level("INFO")

    send_raw(web, encode_picture(), headers={"traceparent": TRACEPARENT})
    send_raw(web, encode_picture())

    assert seen == [{"traceparent": TRACEPARENT}, {}]
    with_trace, without = caplog.messages
    assert f"trace_id={TRACE_ID}" in with_trace
    assert "trace_id" not in without


@pytest.fixture(name="collected")
def _collected():
    """An exporter that keeps what it is given."""
    return InMemorySpanExporter()


@pytest.fixture(name="spanned_web")
def _spanned_web(client, collected):
    """A web client of a gateway whose spans are collected, and how to send them now."""
    spans = SpanExport(collected)
    app = create_app(Settings(models=("tiny",)), client, spans=spans)

    def finish():
        spans.close()
        return {span.name: span for span in collected.get_finished_spans()}

    yield app.test_client(), finish
    spans.close()


def test_spans(spanned_web, seen, encode_picture):
    """One span a request, below the caller's, and below it one a stage.

    The model server is told of the model stage's span, so that its own hang there.
    """
    web, finish = spanned_web

    send_raw(
        web,
        encode_picture(),
        headers={"traceparent": TRACEPARENT, "X-Request-ID": "id-1"},
    )
    web.get("/livez")

    spans = finish()
    root = spans["POST /predict"]
    assert f"{root.context.trace_id:032x}" == TRACE_ID
    assert f"{root.parent.span_id:016x}" == PARENT_ID
    assert root.kind is SpanKind.SERVER
    assert dict(root.attributes) == {
        "http.request.method": "POST",
        "http.route": "/predict",
        "http.response.status_code": 200,
        "gateway.request_id": "id-1",
        "gateway.model": "tiny",
        "gateway.version": 1,
    }
    for stage in ("decode", "model"):
        assert spans[stage].parent.span_id == root.context.span_id
        assert root.start_time <= spans[stage].start_time
        assert spans[stage].end_time <= root.end_time
    assert root.resource.attributes["service.name"] == "gateway"
    # Probes have none. A contract that was not known is asked for in the model stage.
    assert set(spans) == {"POST /predict", "decode", "model"}
    assert seen[0]["traceparent"].startswith(f"00-{TRACE_ID}-")
    assert seen[0]["traceparent"] != TRACEPARENT


def test_failed_span(spanned_web, client, encode_picture):
    """A 5xx marks its span, and the stage that failed as well; a 4xx does not."""
    web, finish = spanned_web
    send_raw(web, encode_picture())
    client.cached.clear()
    client.failure = ModelUnavailable("away")
    send_raw(web, encode_picture())
    web.get("/nowhere")

    spans = finish()

    assert spans["POST /predict"].status.status_code is StatusCode.ERROR
    assert spans["POST /predict"].attributes["http.response.status_code"] == 503
    assert spans["GET no route"].status.status_code is StatusCode.UNSET


def test_own_traces(spanned_web, encode_picture, caplog):
    """Requests that bring no trace have one each, named in their lines."""
    caplog.set_level("INFO", "gateway.request_log")
    web, finish = spanned_web

    send_raw(web, encode_picture())
    web.get("/nowhere")

    spans = finish()
    ids = [
        f"trace_id={spans[name].context.trace_id:032x}"
        for name in ("POST /predict", "GET no route")
    ]
    assert ids[0] != ids[1]
    assert all(name in line for name, line in zip(ids, caplog.messages, strict=True))


@pytest.mark.parametrize(
    "environ, expected",
    [
        ({}, False),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": ""}, False),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://collector:4318"}, True),
        ({"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "http://collector:4318/x"}, True),
        (
            {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://a", "OTEL_SDK_DISABLED": "TRUE"},
            False,
        ),
        (
            {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://a", "OTEL_TRACES_EXPORTER": "none"},
            False,
        ),
    ],
)
def test_configured(environ, expected):
    """OpenTelemetry's own variables decide whether anything is collected."""
    assert is_collected(environ) is expected
