"""Traces of the running gateway: to a collector over HTTP, to the model over gRPC."""

from __future__ import annotations

import gzip
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import grpc
import pytest
import urllib3
from opentelemetry.proto.collector.trace.v1 import trace_service_pb2

from tests.integration.gateway_process import running_gateway

TRACE_ID = "0af7651916cd43dd8448eb211c80319c"
TRACEPARENT = f"00-{TRACE_ID}-b7ad6b7169203331-01"


class Collector(BaseHTTPRequestHandler):
    """Takes what an OTLP exporter posts."""

    def do_POST(self):  # pylint: disable=invalid-name  # http.server's name
        """Keep the address and the decoded request."""
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if self.headers["Content-Encoding"] == "gzip":
            body = gzip.decompress(body)
        request = trace_service_pb2.ExportTraceServiceRequest.FromString(body)
        self.server.received.append((self.path, request))
        self.send_response(200)
        self.send_header("Content-Type", "application/x-protobuf")
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_arguments):  # pylint: disable=arguments-differ
        """Say nothing."""


@pytest.fixture(name="collector")
def _collector(monkeypatch):
    """A collector on loopback that the gateways of this test are told of."""
    with ThreadingHTTPServer(("127.0.0.1", 0), Collector) as server:
        server.received = []
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        endpoint = f"http://127.0.0.1:{server.server_port}"
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", endpoint)
        monkeypatch.setenv("OTEL_SERVICE_NAME", "my-gateway")
        yield server
        server.shutdown()
        thread.join()


class RecordingModelServer(grpc.GenericRpcHandler):
    """Keeps what each call tells of its trace, and answers none."""

    def __init__(self):
        self.seen = []

    def service(self, handler_call_details):
        """Note the metadata; every method is unknown."""
        self.seen.append(dict(handler_call_details.invocation_metadata))


@contextmanager
def recording_model_server():
    """(server, its address) while the block lasts."""
    recorder = RecordingModelServer()
    server = grpc.server(ThreadPoolExecutor(4), handlers=(recorder,))
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    try:
        yield recorder, f"127.0.0.1:{port}"
    finally:
        server.stop(0).wait()


def predict(gateway, photo, **headers):
    """Ask a gateway whose model server answers nothing."""
    with urllib3.PoolManager(retries=False, timeout=30.0) as pool:
        headers = {"Content-Type": "image/jpeg", **headers}
        return pool.request(
            "POST", f"{gateway.url}/predict", body=photo, headers=headers
        )


def test_passed_on(encode_picture):
    """Without a collector the caller's trace reaches the model server as it came."""
    with recording_model_server() as (recorder, address):
        with running_gateway(model_address=address, models="tiny") as gateway:
            headers = {"traceparent": TRACEPARENT, "tracestate": "a=1"}
            reply = predict(gateway, encode_picture(), **headers)

    assert reply.status == 502
    assert len(recorder.seen) == 1
    assert recorder.seen[0]["traceparent"] == TRACEPARENT
    assert recorder.seen[0]["tracestate"] == "a=1"


def test_collected(collector, encode_picture):
    """Spans are sent when the gateway ends at the latest, under its configured name."""
    with recording_model_server() as (recorder, address):
        with running_gateway(model_address=address, models="tiny") as gateway:
            predict(gateway, encode_picture(), traceparent=TRACEPARENT)

    (path, request), *_ = collector.received
    (resource_spans,) = request.resource_spans
    names = {item.key: item.value for item in resource_spans.resource.attributes}
    spans = {s.name: s for scope in resource_spans.scope_spans for s in scope.spans}
    root, model = spans["POST /predict"], spans["model"]
    assert path == "/v1/traces"
    assert names["service.name"].string_value == "my-gateway"
    assert root.trace_id.hex() == model.trace_id.hex() == TRACE_ID
    assert root.parent_span_id.hex() == "b7ad6b7169203331"
    assert model.parent_span_id == root.span_id
    # The model server's own spans would hang below the stage that asked it.
    told = recorder.seen[0]["traceparent"]
    assert told == f"00-{TRACE_ID}-{model.span_id.hex()}-01"


def test_no_collector(monkeypatch, encode_picture):
    """A collector that is away costs no request and no long end."""
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:9")
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_TIMEOUT", "1")
    with recording_model_server() as (_, address):
        with running_gateway(model_address=address, models="tiny") as gateway:
            reply = predict(gateway, encode_picture())
            gateway.process.terminate()

            assert gateway.process.wait(25) == 0

    assert reply.status == 502
