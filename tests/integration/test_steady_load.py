"""The benchmarks' load without a pause, against a server that fails on purpose."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from tests.benchmark import http_load
from tests.benchmark.http_load import Requests
from tests.benchmark.own_process import own_process
from tests.benchmark.steady.command import running_load

PERIOD_SECONDS = 0.5
WAIT_SECONDS = 60


class Answers(BaseHTTPRequestHandler):
    """200 on /good, 503 on /bad, and a closed connection on /cut."""

    protocol_version = "HTTP/1.1"

    def do_POST(self):  # pylint: disable=invalid-name  # the library's name
        """Read the body, answer by the path."""
        self.rfile.read(int(self.headers["Content-Length"]))
        if self.path == "/cut":
            self.close_connection = True
            return
        self.send_response(200 if self.path == "/good" else 503)
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"{}")

    def log_message(self, *_):
        """Say nothing."""


@contextmanager
def serving_answers():
    """The server's port."""
    with ThreadingHTTPServer(("127.0.0.1", 0), Answers) as server:
        server.daemon_threads = True
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield server.server_port
        finally:
            server.shutdown()
            thread.join()


def receive(pipe):
    """The next period that holds any call."""
    for _ in range(int(WAIT_SECONDS / PERIOD_SECONDS)):
        assert pipe.poll(WAIT_SECONDS)
        period = pipe.recv()
        if period.images + period.failed:
            return period
    raise AssertionError("no call was counted")


def test_answers_are_counted():
    """Calls that are answered are images with their times; none failed."""
    with serving_answers() as port:
        requests = Requests(port, (b"picture",), paths=("/good",))
        with running_load(requests, 2, PERIOD_SECONDS) as pipe:
            periods = [receive(pipe), receive(pipe)]

    for period in periods:
        assert (period.failed, period.reasons) == (0, ())
        assert period.images > 0
        assert 0 < period.p50_ms <= period.p99_ms
        assert period.images_per_second == period.images / period.seconds


@pytest.mark.parametrize(
    "path, reason", [("/bad", "expected 200, received 503"), ("/cut", "RemoteDisc")]
)
def test_failures_are_counted(path, reason):
    """A call that fails is counted with its reason, and the client goes on."""
    with serving_answers() as port:
        requests = Requests(port, (b"picture",), paths=(path,))
        with running_load(requests, 1, PERIOD_SECONDS) as pipe:
            periods = [receive(pipe), receive(pipe)]

    for period in periods:
        assert period.images == 0
        assert period.failed > 0
        assert all(reason in text for text in period.reasons)


def test_failure_ends_a_round():
    """Where speed is measured, an answer that is not 200 ends it with its text."""
    with serving_answers() as port, own_process() as callers:
        requests = Requests(port, (b"picture",), paths=("/bad",))
        with pytest.raises(RuntimeError, match="received 503"):
            callers(http_load.send, requests, 4, 0.1)
