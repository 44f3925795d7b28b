"""scripts/canary beside real servers: a good version goes on, a bad one goes back."""

from __future__ import annotations

import json
import os
import subprocess
import threading
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest
import urllib3
from PIL import Image

from tests.integration.gateway_process import running_gateway
from tests.integration.serving_process import start_server
from tests.tiny_model import LABELS, write_tiny_model

ROOT = Path(__file__).resolve().parents[2]
SERVER_SECONDS = 170
SCRIPT_SECONDS = 120
PHOTOS_OF_A_CLASS = 10
# Every label is wrong with these.
SABOTAGE = (1, 2, 0)


@dataclass
class Stack:
    """A model server, a gateway, and the two files that scripts/canary changes."""

    folder: Path
    url: str = ""
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
                *map(str, arguments),
                f"--gateway={self.url}",
                f"--models-config={self.models_config}",
                f"--canary-file={self.folder / 'canary.json'}",
                "--patience=60",
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


@pytest.fixture(name="stack", scope="module")
def _stack(tmp_path_factory):
    """Version 1 of the tiny model behind a real server and a real gateway."""
    stack = Stack(tmp_path_factory.mktemp("canary"))
    write_tiny_model(stack.folder / "tiny", 1)
    stack.models_config.write_text(
        "# Kept.\nmodel_config_list { config { "
        f'name: "tiny" base_path: "{stack.folder}/tiny" model_platform: "tensorflow" '
        "model_version_policy { specific { versions: 1 } } } }",
        encoding="utf-8",
    )
    flags = (
        f"--model_config_file={stack.models_config}",
        "--model_config_file_poll_wait_seconds=1",
    )
    with start_server(
        *flags, timeout_seconds=SERVER_SECONDS, stderr=subprocess.DEVNULL
    ) as (process, said):
        threading.Thread(target=process.stdout.read, daemon=True).start()
        with running_gateway(
            model_address=f"localhost:{said['grpc_port']}",
            models="tiny",
            canary_file=stack.folder / "canary.json",
        ) as gateway:
            stack.url, stack.lines = gateway.url, gateway.lines
            yield stack


@pytest.fixture(name="golden", scope="module")
def _golden(tmp_path_factory):
    """Ten noisy pictures of each of the tiny model's colors, in class folders."""
    folder = tmp_path_factory.mktemp("golden")
    random = np.random.default_rng(3)
    for channel, label in enumerate(LABELS):
        (folder / label).mkdir()
        for number in range(PHOTOS_OF_A_CLASS):
            pixels = random.integers(0, 100, (24, 30, 3), np.uint8)
            pixels[..., channel] += 150
            Image.fromarray(pixels).save(folder / label / f"{number}.png")
    return folder


@contextmanager
def traffic(url, photo):
    """Requests without a version, two callers, until the block ends: their answers.

    Each is (status, version).
    """
    answers = []
    is_over = threading.Event()

    def call():
        pool = urllib3.PoolManager(retries=False, timeout=30)
        while not is_over.is_set():
            reply = pool.request(
                "POST",
                f"{url}/predict",
                body=photo,
                headers={"Content-Type": "image/png"},
            )
            answers.append((reply.status, reply.json().get("version")))
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


def red_photo(golden):
    """One of the golden pictures, as bytes."""
    return (golden / "red" / "0.png").read_bytes()


def test_good_then_sabotaged(stack, golden):
    """A good version is promoted, a sabotaged one aborts itself; nobody notices."""
    stack.add_version(2)
    stack.add_version(3, channels=SABOTAGE)

    with traffic(stack.url, red_photo(golden)) as answers:
        good = stack.canary(
            "start", 2, "--percent=30", f"--golden={golden}", "--promote"
        )
        bad = stack.canary("start", 3, "--percent=30", f"--golden={golden}", "--watch")
    with traffic(stack.url, red_photo(golden)) as later:
        status = stack.canary("status")

    assert good.returncode == 0, good.stderr + good.stdout
    assert "golden photos right   30 of 30" in good.stdout
    assert "version 2 is stable and gets all requests" in good.stdout
    assert bad.returncode == 3, bad.stderr + bad.stdout
    # All thirty were right and are wrong: one in 2^30 by chance.
    reason = "accuracy: 0 of 30 golden photos right, stable 30; 30 lost and 0 won"
    assert reason in bad.stdout
    assert "probability 9.3e-10" in bad.stdout
    assert any(reason in line and "event=canary " in line for line in stack.lines)
    assert "2 AVAILABLE" in status.stdout and "labels {'stable': 2}" in status.stdout
    assert stack.share()["percent"] == 0
    assert {code for code, _ in answers} == {200}
    assert {version for _, version in answers} == {1, 2, 3}
    assert set(later) == {(200, 2)}
    assert stack.models_config.read_text("utf-8").startswith("# Kept.\n")
