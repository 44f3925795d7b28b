"""The model server in a process of its own that begins with its imports done.

From its flags to its exit code it is python -m serving, without the seconds that
TensorFlow takes: a process that has imported it, and done nothing else, is forked.
"""

from __future__ import annotations

import multiprocessing
import os
import subprocess
import sys
from contextlib import contextmanager

from serving.__main__ import end_process, main
from tests.integration.serving_process import TIMEOUT_SECONDS, any_ports, until_serving

_IMPORTED = ["serving.server", __name__]


class ForkedProcess:
    """What tests ask of a subprocess.Popen; its stdout is a pipe."""

    def __init__(self, program, arguments, stderr=None):
        """program takes the arguments and gives the exit code."""
        context = multiprocessing.get_context("forkserver")
        context.set_forkserver_preload(_IMPORTED)
        reading, writing = context.Pipe(duplex=False)
        self._process = context.Process(
            target=_run, args=(program, arguments, writing, stderr)
        )
        with reading, writing:
            self._process.start()
            self.stdout = os.fdopen(os.dup(reading.fileno()), encoding="utf-8")
        self.pid = self._process.pid
        self.terminate, self.kill = self._process.terminate, self._process.kill

    def send_signal(self, number):
        """Any signal, while it runs."""
        if self._process.is_alive():
            os.kill(self.pid, number)

    def poll(self):
        """Its exit code, None while it runs."""
        return self._process.exitcode

    def wait(self, timeout=None):
        """Its exit code, minus the number of a signal that ended it."""
        self._process.join(timeout)
        if self._process.exitcode is None:
            raise subprocess.TimeoutExpired(self._process.name, timeout)
        return self._process.exitcode

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stdout.close()
        self.wait()


def _run(program, arguments, writing, stderr):
    os.dup2(writing.fileno(), 1)
    writing.close()
    if stderr == subprocess.DEVNULL:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
    # The streams of the process that was forked may belong to files.
    # pylint: disable=consider-using-with  # open to the end of the process
    sys.stdout = open(1, "w", encoding="utf-8", closefd=False)
    sys.stderr = open(2, "w", encoding="utf-8", closefd=False)
    end_process(program(arguments))


@contextmanager
def fork_server(*flags, timeout_seconds=TIMEOUT_SECONDS, program=main, stderr=None):
    """As start_server(); program takes all flags and gives the exit code."""
    arguments = any_ports(flags)
    with (
        ForkedProcess(program, arguments, stderr) as process,
        until_serving(process, timeout_seconds) as started,
    ):
        yield started


def run_forked(*flags):
    """Run to the end: (exit code, all that it printed)."""
    with ForkedProcess(main, flags) as process:
        said = process.stdout.read()
        return process.wait(TIMEOUT_SECONDS), said
