"""scripts/check-images: probes, uploads and answers, asked of small servers."""

from __future__ import annotations

import json
import socket
import threading
from concurrent import futures
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import grpc
import pytest
from grpc_health.v1 import health, health_pb2, health_pb2_grpc

from check_podman import Running
from check_requests import Answer, HalfSent, check_answers, is_answered
from check_workloads import CheckFailed, read_workloads

LOOPBACK = "127.0.0.1"
# Begun, ended, status, Retry-After; SIGTERM is at 10.
BEFORE = Answer(8.0, 9.0, 200, False)
ACROSS = Answer(9.5, 10.5, 200, False)
AWAY = Answer(10.2, 10.3, 503, True)


def test_answers_under_way():
    """Requests that the stop found under way are counted; 503 may follow."""
    assert check_answers([BEFORE, ACROSS, ACROSS, AWAY], 10.0) == 2


@pytest.mark.parametrize(
    "answers, reason",
    [
        ([BEFORE, AWAY], "none was"),
        ([ACROSS, Answer(9.9, 10.1, 502, False)], "received 502"),
        ([ACROSS, Answer(10.2, 10.3, 503, False)], "received 503"),
    ],
)
def test_bad_answers(answers, reason):
    """No prediction across the stop, a bare 503 and any other status fail."""
    with pytest.raises(CheckFailed, match=reason):
        check_answers(answers, 10.0)


@contextmanager
def http_server(is_polite):
    """A server of uploads: it answers with their bytes, or hangs up."""

    class Uploads(BaseHTTPRequestHandler):
        """Reads a whole body, then answers."""

        def do_POST(self):  # pylint: disable=invalid-name  # the library's name
            """200 once the body is whole."""
            length = int(self.headers["Content-Length"])
            received.append(self.rfile.read(length))
            if is_polite:
                self.send_response(200)
                self.end_headers()

        def log_message(self, *_):  # pylint: disable=arguments-differ  # silent
            """Nothing."""

    received = []
    with ThreadingHTTPServer((LOOPBACK, 0), Uploads) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server.server_address[1], received
        server.shutdown()
        thread.join()


@pytest.mark.parametrize("is_polite, status", [(True, 200), (False, 0)])
def test_half_sent(is_polite, status):
    """Both halves arrive as one body; no answer is the status 0."""
    with http_server(is_polite) as (port, received):
        upload = HalfSent(f"{LOOPBACK}:{port}", b"photo of nine")

        assert not received
        assert upload.finish() == status
        assert received == [b"photo of nine"]


@pytest.mark.parametrize("state, is_ready", [("SERVING", True), ("NOT_SERVING", False)])
def test_grpc_probe(state, is_ready):
    """The model server's probe is gRPC health, and only SERVING passes."""
    servicer = health.HealthServicer()
    servicer.set("", health_pb2.HealthCheckResponse.ServingStatus.Value(state))
    server = grpc.server(futures.ThreadPoolExecutor(2))
    health_pb2_grpc.add_HealthServicer_to_server(servicer, server)
    port = server.add_insecure_port(f"{LOOPBACK}:0")
    server.start()
    try:
        assert is_answered(
            _probed(port, {"grpc": {"port": port}}), "livenessProbe"
        ) == (is_ready)
    finally:
        server.stop(None).wait()


def test_http_probe():
    """The gateway's probe is HTTP: a port nobody listens on and 501 do not pass."""
    with socket.socket() as closed:
        closed.bind((LOOPBACK, 0))
        port = closed.getsockname()[1]
        probe = {"httpGet": {"path": "/livez", "port": "http"}}
        assert not is_answered(_probed(port, probe), "livenessProbe")
    with http_server(True) as (port, _):
        assert not is_answered(_probed(port, probe), "livenessProbe")


def _probed(port, probe):
    """A pod on this machine that has only a port and one probe."""
    text = json.dumps(
        {
            "kind": "Deployment",
            "metadata": {"name": "x", "labels": {"app.kubernetes.io/component": "x"}},
            "spec": {
                "template": {
                    "spec": {
                        "containers": [
                            {
                                "ports": [{"name": "http", "containerPort": port}],
                                "livenessProbe": {**probe, "timeoutSeconds": 30},
                            }
                        ]
                    }
                }
            },
        }
    )
    return Running(read_workloads(text)[0], "x", LOOPBACK, {port: port})
