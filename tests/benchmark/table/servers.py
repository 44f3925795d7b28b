"""The systems' processes: started together, paused while it is not their turn."""

from __future__ import annotations

import threading
import time
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from subprocess import CalledProcessError, TimeoutExpired

import psutil

from tests.benchmark.peers.environments import ROOT
from tests.benchmark.peers.processes import running
from tests.benchmark.table.bodies import write_request
from tests.benchmark.table.load import Door

READY_SECONDS = 240
ASK_SECONDS = 30
# A gunicorn worker is heard of once a second.
WATCHDOG_SECONDS = 1.5
LEAST_FREE_GIB = 2.0
_LOG_LINES = 3


@dataclass(frozen=True)
class Server:
    """One started system: where it takes photos, and the roots of its processes."""

    door: Door
    roots: tuple[int, ...]
    has_watchdog: bool

    def pause(self):
        """It costs nothing from now on."""
        for process in self._family():
            process.suspend()

    def resume(self):
        """Children first: a parent that wakes up alone may miss them."""
        family = self._family()
        for process in reversed(family):
            if process.pid not in self.roots:
                process.resume()
        if self.has_watchdog:
            threading.Event().wait(WATCHDOG_SECONDS)
        for process in family:
            process.resume()

    def cpu_seconds(self):
        """Processor time of all its processes so far."""
        spent = 0.0
        for process in self._family():
            with suppress(psutil.NoSuchProcess):
                times = process.cpu_times()
                spent += times.user + times.system
        return spent

    def resident_mib(self):
        """Memory of all its processes; what they share counts once."""
        total = 0
        for process in self._family():
            with suppress(psutil.Error):
                total += process.memory_full_info().pss
        return total / 2**20

    def _family(self):
        family = []
        for pid in self.roots:
            with suppress(psutil.NoSuchProcess):
                root = psutil.Process(pid)
                family += [root, *root.children(recursive=True)]
        return family


@contextmanager
def launched(system, network, folder, photos):
    """The processes of one system, not waited for; gives (Server, its processes).

    Raises:
        RuntimeError: It cannot be installed or started, in one sentence.
    """
    folder.mkdir(parents=True, exist_ok=True)
    launch = _prepare_launch(system, network, folder)
    requests = tuple(write_request(launch, system.encode(photo)) for photo in photos)
    with ExitStack() as stack:
        processes = [
            stack.enter_context(
                running(command, dict(launch.environ), folder / f"{number}.log")
            )
            for number, command in enumerate(launch.commands)
        ]
        server = Server(
            door=Door(launch.port, requests),
            roots=tuple(process.pid for process in processes),
            has_watchdog=system.has_watchdog,
        )
        # A paused process does not end when asked.
        stack.callback(server.resume)
        yield server, processes


def _prepare_launch(system, network, folder):
    free_gib = psutil.virtual_memory().available / 2**30
    if free_gib < LEAST_FREE_GIB:
        raise RuntimeError(
            f"expected {LEAST_FREE_GIB:g} GiB of free memory, received {free_gib:.1f}"
        )
    try:
        return system.launch(network, folder)
    except (CalledProcessError, TimeoutExpired) as error:
        raise RuntimeError(f"its packages could not be installed: {error}") from error


def wait_for_answer(ask, server, processes, folder):
    """The body of the first answer with 200; ask is load.ask, here or elsewhere.

    Raises:
        RuntimeError: A process ended, or it took too long; the log's end is told.
    """
    ends_at, pause, status = time.monotonic() + READY_SECONDS, threading.Event(), 0
    while time.monotonic() < ends_at:
        for number, process in enumerate(processes):
            if process.poll() is not None:
                last = _last_lines(folder / f"{number}.log")
                raise RuntimeError(f"a process of it ended: {last}")
        status, body = ask(server.door, 0, ASK_SECONDS)
        if status == 200:
            return body
        pause.wait(0.5)
    raise RuntimeError(
        f"expected status 200 within {READY_SECONDS} s, received {status or 'nothing'}"
        f": {_last_lines(folder / '0.log')}"
    )


def _last_lines(log):
    """What a process said last, in one line."""
    text = log.read_text(encoding="utf-8", errors="replace").replace(f"{ROOT}/", "")
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return " / ".join(lines[-_LOG_LINES:])[-400:] or "it said nothing"
