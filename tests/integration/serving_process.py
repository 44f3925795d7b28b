"""python -m serving as a process of its own, ended with the test."""

from __future__ import annotations

import subprocess
import sys
import threading
from contextlib import contextmanager

from serving.settings import ANY_FREE_PORT

TIMEOUT_SECONDS = 60


@contextmanager
def start_server(
    *flags, timeout_seconds=TIMEOUT_SECONDS, program=("-m", "serving"), stderr=None
):
    """A running server that is serving: (process, {field: value} of its log line).

    It is killed after timeout_seconds; who reads none of its stdout must not let it
    say more than a pipe holds.
    """
    with (
        subprocess.Popen(
            [sys.executable, *program, *any_ports(flags)],
            stdout=subprocess.PIPE,
            stderr=stderr,
            text=True,
        ) as process,
        until_serving(process, timeout_seconds) as started,
    ):
        yield started


def any_ports(flags):
    """The flags behind those that ask for free ports, which they may overrule."""
    return [f"--port={ANY_FREE_PORT}", f"--rest_api_port={ANY_FREE_PORT}", *flags]


@contextmanager
def until_serving(process, timeout_seconds):
    """(process, fields of the line that says it serves); killed with the block."""
    killer = threading.Timer(timeout_seconds, process.kill)
    killer.start()
    try:
        yield process, read_fields(process.stdout, "event=serving")
    finally:
        killer.cancel()
        process.kill()


def run_server(*flags):
    """Run to the end; return the finished process."""
    return subprocess.run(
        [sys.executable, "-m", "serving", *flags],
        capture_output=True,
        text=True,
        timeout=TIMEOUT_SECONDS,
        check=False,
    )


def read_fields(lines, event):
    """The fields of the first log line with the event; {} when the stream ended."""
    line = next((line for line in lines if event in line), "")
    return dict(pair.split("=", 1) for pair in line.split())
