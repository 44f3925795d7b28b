"""Both servers of scripts/demo: started together, watched, stopped in order."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import urllib3

ROOT = Path(__file__).resolve().parent.parent
LOGS = ROOT / ".cache" / "demo"
START_SECONDS = 120.0
STOP_SECONDS = 30.0


class DemoFailed(Exception):
    """The demo cannot go on; the message says what to look at."""


@dataclass(frozen=True)
class Ports:
    """Where this run listens: the usual ports, or free ones where those are taken."""

    http: int
    grpc: int
    rest: int


def free_port(preferred: int) -> int:
    """The preferred port, or a free one if somebody listens there."""
    for port in (preferred, 0):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("", port))
            except OSError:
                print(f"demo: port {preferred} is taken; using another one")
                continue
            return probe.getsockname()[1]
    raise DemoFailed("no free port")


def start_servers(
    servers: ExitStack, name: str, output: Path, ports: Ports
) -> list[subprocess.Popen[bytes]]:
    """Start model server and gateway, stop them with the stack; wait until ready."""
    serving = [
        f"--port={ports.grpc}",
        f"--rest_api_port={ports.rest}",
        f"--model_name={name}",
        f"--model_base_path={output}",
        "--enable_batching=true",
        "--batching_parameters_file=serving/batching.config",
    ]
    gateway = {
        # A demo answers this machine only, unless told otherwise.
        "GATEWAY_HOST": os.environ.get("GATEWAY_HOST", "127.0.0.1"),
        "GATEWAY_PORT": str(ports.http),
        "GATEWAY_MODEL_ADDRESS": f"localhost:{ports.grpc}",
        "GATEWAY_MODELS": name,
        "GATEWAY_REPORTS_DIR": str(output.parent),
    }
    print("demo: starting the model server and the gateway", end="", flush=True)
    running = [
        servers.enter_context(_server("serving", serving, {})),
        servers.enter_context(_server("gateway", [], gateway)),
    ]
    deadline = time.monotonic() + START_SECONDS
    while not _is_ready(ports.http):
        check_running(running)
        if time.monotonic() > deadline:
            raise DemoFailed(f"not ready in {START_SECONDS:.0f} s")
        print(".", end="", flush=True)
        time.sleep(0.5)
    print(" ready")
    return running


def check_running(running: list[subprocess.Popen[bytes]]) -> None:
    """Raises DemoFailed when a server has ended by itself."""
    for process in running:
        if process.poll() is not None:
            name = process.args[2]
            log = from_here(LOGS / f"{name}.log")
            raise DemoFailed(
                f"{name} ended by itself ({process.returncode}); see {log}"
            )


@contextmanager
def _server(
    package: str, flags: list[str], settings: dict[str, str]
) -> Iterator[subprocess.Popen[bytes]]:
    LOGS.mkdir(parents=True, exist_ok=True)
    environment = {**os.environ, **settings}
    command = [sys.executable, "-m", package, *flags]
    with (LOGS / f"{package}.log").open("wb") as log:
        # A session of its own: Ctrl-C reaches this script, which stops in order.
        with subprocess.Popen(
            command,
            env=environment,
            cwd=ROOT,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        ) as process:
            try:
                yield process
            finally:
                process.terminate()
                try:
                    process.wait(STOP_SECONDS)
                except subprocess.TimeoutExpired:
                    process.kill()


def _is_ready(port: int) -> bool:
    try:
        reply = urllib3.request(
            "GET", f"http://localhost:{port}/readyz", retries=False, timeout=5.0
        )
    except urllib3.exceptions.HTTPError:
        return False
    return reply.status == 200


def from_here(path: Path) -> Path:
    """The path as the reader's own shell takes it, short where that is possible."""
    here = Path.cwd()
    return path.relative_to(here) if path.is_relative_to(here) else path.absolute()
