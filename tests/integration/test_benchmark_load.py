"""The benchmarks' load against servers whose speed and faults are known."""

from __future__ import annotations

import itertools
import subprocess
import sys
import threading
import time
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import psutil
import pytest

from tests.benchmark.table import load
from tests.benchmark.table.load import Door
from tests.benchmark.table.servers import Server

BODY = b"x" * 300_000
REQUEST = (
    b"POST / HTTP/1.1\r\nHost: here\r\nContent-Length: %d\r\n\r\n" % len(BODY) + BODY
)


@contextmanager
def answering(status=200, answers=None, hangs_up=False):
    """A server on loopback; silent after so many answers, if told. Gives a Door."""
    left = itertools.count() if answers is None else iter(range(answers))
    released = threading.Event()

    class Answers(BaseHTTPRequestHandler):
        """One length-delimited answer for each whole body."""

        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def do_POST(self):  # pylint: disable=invalid-name  # so http.server calls it
            """Read all, answer."""
            self.rfile.read(int(self.headers["Content-Length"]))
            if next(left, None) is None:
                released.wait()
                return
            self.send_response(status)
            self.send_header("Content-Length", "4")
            if hangs_up:
                self.send_header("Connection", "close")
            self.end_headers()
            self.wfile.write(b"[1]\n")

        def log_message(self, format, *args):  # pylint: disable=redefined-builtin
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Answers)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield Door(server.server_port, (REQUEST,))
    finally:
        released.set()
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.mark.parametrize("hangs_up", [False, True])
def test_closed_loop(hangs_up):
    """Bodies larger than a socket's buffer are answered, on new connections too."""
    with answering(hangs_up=hangs_up) as door:
        found = load.closed(door, 3, 0.3)

    assert found.failed == 0
    assert found.images >= len(found.latencies) >= load.FEWEST_ANSWERS
    assert found.images_per_second > 0
    assert all(0 < latency < 60 for latency in found.latencies)


def test_refusals_are_failures():
    """Answers other than 200 count neither as images nor as latencies."""
    with answering(status=503) as door:
        found = load.closed(door, 2, 0.2)

    assert (found.images, found.latencies, found.images_per_second) == (0, (), 0.0)
    assert found.failed > 0


def test_arrivals():
    """Photos arrive as often as asked for, whatever the seed, and all are answered."""
    with answering() as door:
        found = load.opened(door, rate=100.0, seconds=1.0, seed=5)

    # Poisson: 100 with a standard deviation of 10; six of them.
    assert 40 < found.images < 160
    assert len(found.latencies) == found.images
    assert found.failed == 0


def test_silence():
    """Who gets no answer in time is a failure, and the run goes on."""
    with answering(answers=3) as door:
        found = load.closed(door, 2, 0.2, patience_seconds=0.3)

        assert load.ask(door, patience_seconds=0.2) == (0, b"")
    assert found.images == 3
    assert found.failed == 2


def test_nobody_listens():
    """One question gets no answer; a load says so."""
    with answering() as door:
        pass

    assert load.ask(door) == (0, b"")
    with pytest.raises(OSError):
        load.closed(door, 1, 0.2)


def test_pause():
    """A paused server and its children are stopped, and go on when resumed."""
    child = "import time; time.sleep(600)"
    code = (
        "import subprocess, sys\n"
        f"child = subprocess.Popen([sys.executable, '-c', {child!r}])\n"
        "print('ready', flush=True)\n"
        "child.wait()\n"
    )
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE) as root:
        root.stdout.readline()
        server = Server(Door(0, ()), (root.pid,), has_watchdog=False)
        family = [
            psutil.Process(root.pid),
            *psutil.Process(root.pid).children(recursive=True),
        ]

        server.pause()
        is_paused = has_come(lambda: statuses(family) == {psutil.STATUS_STOPPED})
        server.resume()
        is_awake = has_come(lambda: psutil.STATUS_STOPPED not in statuses(family))

        for process in family:
            process.kill()
    assert is_paused
    assert is_awake
    assert server.cpu_seconds() == 0


def statuses(family):
    """What the processes are at now."""
    return {process.status() for process in family}


def has_come(is_true):
    """Whether it is true within half a minute; signals take their time."""
    ends_at, pause = time.monotonic() + 30, threading.Event()
    while not is_true():
        if time.monotonic() > ends_at:
            return False
        pause.wait(0.01)
    return True
