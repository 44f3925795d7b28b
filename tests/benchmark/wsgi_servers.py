"""The gateway's application in four WSGI servers, each with as many threads."""

from __future__ import annotations

import subprocess
import sys
from contextlib import ExitStack, contextmanager

from gateway.settings import Settings
from tests.benchmark.stack import free_port, wait_until_ready
from tests.integration.gateway_process import gateway_environment

OURS = "gunicorn, our worker"
_FACTORY = "gateway.wsgi:make_app"
_THREADS = str(Settings.threads)


def _command(name, port):
    """How to start a server on a port of 127.0.0.1."""
    address = f"127.0.0.1:{port}"
    commands = {
        OURS: ("gateway",),
        "gunicorn, gthread": (
            *("gunicorn", f"{_FACTORY}()", "--worker-class=gthread"),
            *(f"--bind={address}", f"--threads={_THREADS}"),
        ),
        "granian": (
            *("granian", "--interface=wsgi", "--factory", _FACTORY),
            *("--host=127.0.0.1", f"--port={port}"),
            *(f"--blocking-threads={_THREADS}", "--no-access-log"),
        ),
        "waitress": (
            *("waitress", f"--listen={address}", f"--threads={_THREADS}"),
            *("--call", _FACTORY),
        ),
    }
    return [sys.executable, "-m", *commands[name]]


NAMES = (OURS, "gunicorn, gthread", "granian", "waitress")


@contextmanager
def running_servers(model_address, model):
    """All of them, each with its own processes; gives {name: port}."""
    running = {}
    with ExitStack() as stack:
        for name in NAMES:
            port = free_port()
            settings = {"model_address": model_address, "models": model}
            process = subprocess.Popen(
                _command(name, port),
                env=gateway_environment(host="127.0.0.1", port=port, **settings),
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
            )
            stack.callback(process.wait, 60)
            stack.callback(process.terminate)
            running[name] = port
        for port in running.values():
            wait_until_ready(port)
        yield running
