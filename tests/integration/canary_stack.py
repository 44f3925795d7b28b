"""A real model server and gateway whose files scripts/canary changes, and callers."""

from __future__ import annotations

import json
import os
import subprocess
import threading
import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import urllib3

from tests.tiny_model import write_tiny_model

ROOT = Path(__file__).resolve().parents[2]
SCRIPT_SECONDS = 120
WAIT_SECONDS = 60


@dataclass
class Stack:
    """A model server, a gateway, and the two files that scripts/canary changes."""

    folder: Path
    url: str = ""
    address: str = ""
    lines: list = field(default_factory=list)

    @property
    def models_config(self):
        """The model server's file."""
        return self.folder / "models.config"

    def canary(self, *arguments):
        """Run scripts/canary to its end."""
        return subprocess.run(
            [
                ROOT / "scripts/canary",
                arguments[0],
                f"--gateway={self.url}",
                f"--models-config={self.models_config}",
                f"--canary-file={self.folder / 'canary.json'}",
                "--patience=60",
                *map(str, arguments[1:]),
            ],
            capture_output=True,
            text=True,
            timeout=SCRIPT_SECONDS,
            check=False,
            cwd=self.folder,
        )

    def share(self):
        """What the gateway's file says of the model now."""
        return json.loads((self.folder / "canary.json").read_text("utf-8"))["tiny"]

    def add_version(self, version, **options):
        """Write a version aside and rename it, since the server polls."""
        written = write_tiny_model(self.folder / "aside", version, **options)
        os.rename(written, self.folder / "tiny" / str(version))


def ask(url, photo):
    """The status of one request without a version, and the version that answered."""
    reply = urllib3.request(
        "POST",
        f"{url}/predict",
        body=photo,
        headers={"Content-Type": "image/png"},
        retries=False,
        timeout=30,
    )
    return reply.status, reply.json().get("version")


@contextmanager
def traffic(url, photo):
    """Requests without a version, two callers, until the block ends: their answers.

    Each is (status, version).
    """
    answers = []
    is_over = threading.Event()

    def call():
        while not is_over.is_set():
            answers.append(ask(url, photo))
            is_over.wait(0.01)

    callers = [threading.Thread(target=call) for _ in range(2)]
    for caller in callers:
        caller.start()
    try:
        yield answers
    finally:
        is_over.set()
        for caller in callers:
            caller.join()


def served_versions(url):
    """The versions that answer now; none while one of them is being unloaded."""
    reply = urllib3.request("GET", f"{url}/models", retries=False, timeout=30)
    (model,) = reply.json()["models"]
    return {
        v["version"] for v in model.get("versions", ()) if v["state"] == "AVAILABLE"
    }


def only_version(url):
    """The stable version, once nothing else is loaded any more."""
    ends_at, pause = time.monotonic() + WAIT_SECONDS, threading.Event()
    while len(versions := served_versions(url)) != 1:
        assert time.monotonic() < ends_at
        # The model server looks at its file once a second, and needs the processor.
        pause.wait(0.05)
    return versions.pop()
