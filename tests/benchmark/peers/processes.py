"""Server processes of the peers: started, waited for, ended by their ids."""

from __future__ import annotations

import os
import subprocess
import threading
import time
from contextlib import contextmanager

import psutil

from tests.benchmark.peers.environments import ROOT

READY_SECONDS = 120
STOP_SECONDS = 10


@contextmanager
def running(command, environ, log_file):
    """The process, from the checkout's root; its children are ended with it."""
    settings = {"PYTHONPATH": str(ROOT), "TF_CPP_MIN_LOG_LEVEL": "3", **environ}
    with open(log_file, "wb") as log:
        process = subprocess.Popen(
            [str(word) for word in command],
            cwd=ROOT,
            env={**os.environ, **settings},
            stdout=log,
            stderr=subprocess.STDOUT,
        )
    try:
        yield process
    finally:
        _end_family(process)


def _end_family(process):
    """Ask all to end, then make those that are left."""
    if process.poll() is None:
        root = psutil.Process(process.pid)
        family = [*root.children(recursive=True), root]
        root.terminate()
        _, left = psutil.wait_procs(family, STOP_SECONDS)
        for each in left:
            each.kill()
        psutil.wait_procs(left, STOP_SECONDS)
    process.wait(STOP_SECONDS)


def first_answer(ask, process):
    """What ask() returns once it raises no AssertionError; a port opens before that.

    Raises:
        RuntimeError: The process ended, or took too long.
    """
    ends_at = time.monotonic() + READY_SECONDS
    pause, reason = threading.Event(), None
    while time.monotonic() < ends_at and process.poll() is None:
        try:
            return ask()
        except AssertionError as error:
            reason = error
            pause.wait(0.5)
    raise RuntimeError(f"no answer, exit code {process.poll()}: {reason}")
