"""How soon a gateway answers, beside the imports it cannot do without.

Run: .venv/bin/python -m pytest -m benchmark -s tests/benchmark/test_gateway_start.py
"""

from __future__ import annotations

import http.client
import statistics
import subprocess
import sys
import threading
import time

from tests.benchmark.spread import describe
from tests.benchmark.stack import free_port
from tests.integration.gateway_process import gateway_environment

ROUNDS = 9
GIVE_UP_SECONDS = 20.0
LOOK_SECONDS = 0.005
IMPORTS = "import grpc, flask, numpy, PIL"
MOST_IMPORTS = 3.0


def test_start():
    """Until /livez says 200 no more time passes than for a few imports."""
    start_gateway()
    rounds = [(start_gateway(), start_imports()) for _ in range(ROUNDS)]

    seconds, imports = zip(*rounds)
    ratios = [start / imported for start, imported in rounds]
    print(
        f"\n{ROUNDS} starts, files in memory: /livez after {describe(seconds)} s; "
        f"'{IMPORTS}' {describe(imports)} s; ratio {describe(ratios)}"
    )
    assert statistics.median(ratios) < MOST_IMPORTS


def start_gateway():
    """Seconds from the start of the process to a 200 from /livez."""
    port = free_port()
    began_at = time.perf_counter()
    with subprocess.Popen(
        [sys.executable, "-m", "gateway"],
        env=gateway_environment(host="127.0.0.1", port=port),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    ) as process:
        try:
            pause = threading.Event()
            while not is_alive(port):
                assert process.poll() is None
                assert time.perf_counter() - began_at < GIVE_UP_SECONDS
                pause.wait(LOOK_SECONDS)
            return time.perf_counter() - began_at
        finally:
            process.terminate()


def start_imports():
    """Seconds that a process takes which imports and ends."""
    began_at = time.perf_counter()
    subprocess.run([sys.executable, "-c", IMPORTS], check=True)
    return time.perf_counter() - began_at


def is_alive(port):
    """True once the port is open and /livez says 200."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=GIVE_UP_SECONDS)
    try:
        connection.request("GET", "/livez")
        return connection.getresponse().status == 200
    except ConnectionRefusedError:
        return False
    finally:
        connection.close()
