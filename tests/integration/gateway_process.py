"""python -m gateway as a process of its own, as a container runs it."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import threading
import time
from contextlib import contextmanager
from dataclasses import dataclass

START_SECONDS = 30
_LISTENING = re.compile(r"Listening at: http://127\.0\.0\.1:(\d+)")


@dataclass(frozen=True)
class RunningGateway:
    """The process, its port and the lines it has written so far."""

    process: subprocess.Popen
    port: int
    lines: list[str]

    @property
    def url(self):
        """Where it answers."""
        return f"http://127.0.0.1:{self.port}"

    def wait_for_line(self, words):
        """Until a line with these words was read here, and all before it."""
        ends_at, pause = time.monotonic() + START_SECONDS, threading.Event()
        while not any(words in line for line in self.lines):
            assert time.monotonic() < ends_at, "".join(self.lines)
            pause.wait(0.02)


def gateway_environment(**settings):
    """This process' environment with settings such as port=0."""
    inherited = {k: v for k, v in os.environ.items() if not k.startswith("GATEWAY_")}
    return inherited | {f"GATEWAY_{k.upper()}": str(v) for k, v in settings.items()}


@contextmanager
def running_gateway(**settings):
    """A gateway on a free port of 127.0.0.1; ended by SIGTERM when the block ends."""
    process = subprocess.Popen(
        [sys.executable, "-m", "gateway"],
        env=gateway_environment(host="127.0.0.1", port=0, **settings),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    lines = []
    listening = threading.Event()

    def read_lines():
        for line in process.stdout:
            lines.append(line)
            if _LISTENING.search(line):
                listening.set()

    reader = threading.Thread(target=read_lines)
    reader.start()
    try:
        if not listening.wait(START_SECONDS):
            raise AssertionError("".join(lines))
        port = int(_LISTENING.search("".join(lines))[1])
        yield RunningGateway(process, port, lines)
    finally:
        process.terminate()
        process.wait(START_SECONDS)
        reader.join()
        process.stdout.close()


def start_to_the_end(**settings):
    """Run a gateway that cannot start; its exit code and what it said."""
    return subprocess.run(
        [sys.executable, "-m", "gateway"],
        env=gateway_environment(**settings),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
