"""scripts/demo from photos to a printed answer, and its end on Ctrl-C."""

import os
import re
import shutil
import signal
import subprocess
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest

from tests.integration.trained_model import LABELS, draw_photos

ROOT = Path(__file__).resolve().parents[2]
WAIT_SECONDS = 300


@pytest.fixture(name="photos")
def _photos(tmp_path):
    """A folder whose name, with a blank, becomes a model in models/; removed after."""
    name = f"demo test {os.getpid()}"
    photos = draw_photos(tmp_path / name)
    for path in list(photos.glob("*/*.png")):
        path.rename(path.with_name(f'{path.stem}, of; "six".png'))
    yield photos
    shutil.rmtree(ROOT / "models" / name.replace(" ", "-"), ignore_errors=True)


@contextmanager
def start_demo(photos, *options):
    """The script as a user starts it, from another folder; ended if a test fails."""
    with subprocess.Popen(
        [ROOT / "scripts" / "demo", photos.name, *options],
        cwd=photos.parent,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        start_new_session=True,
    ) as process:
        try:
            yield process
        except BaseException:
            process.terminate()
            raise


def read_until(process, last_line):
    """All that is printed up to a line; fails if the program ends before."""
    lines = []
    for line in process.stdout:
        lines.append(line)
        if last_line in line:
            return "".join(lines)
    raise AssertionError(f"ended with {process.wait()} after\n{''.join(lines)}")


@pytest.mark.timeout(WAIT_SECONDS)
def test_demo(photos):
    """It trains, answers, prints a curl line that works, stops; a second run reuses."""
    with start_demo(photos) as first:
        said = read_until(first, "until Ctrl-C")
        command = re.search(r"^\$ (curl .*)$", said, re.M)[1]
        repeated = None
        if shutil.which("curl"):
            repeated = subprocess.check_output(
                command, shell=True, cwd=photos.parent, text=True
            )
        os.killpg(first.pid, signal.SIGINT)
        assert first.wait() == 0

    with start_demo(photos, "--once") as second:
        said_again = read_until(second, "both servers stopped")
        assert second.wait() == 0

    assert "training a classifier" in said
    assert re.search(r"test accuracy  [01]\.\d{4} \(95 % interval", said)
    assert any(f'"label": "{label}"' in said for label in LABELS)
    assert repeated is None or '"version":1' in repeated.replace(" ", "")
    assert f"reusing {ROOT}/models/demo-test-" in said_again
    assert "training a classifier" not in said_again


@pytest.mark.timeout(WAIT_SECONDS)
def test_closed_terminal(photos):
    """A closed terminal ends the servers, too; an empty version folder is no model."""
    (ROOT / "models" / photos.name.replace(" ", "-") / "7").mkdir(parents=True)

    with start_demo(photos) as process:
        said = read_until(process, "until Ctrl-C")
        process.send_signal(signal.SIGHUP)
        code = process.wait()

    assert code == 0
    assert ", version 8 in " in said


@pytest.mark.timeout(WAIT_SECONDS)
def test_server_that_dies(photos):
    """The demo says that a server ended by itself, stops the other one and fails."""
    with start_demo(photos) as demo:
        read_until(demo, "until Ctrl-C")
        gateway, server = (
            next(
                child
                for child in psutil.Process(demo.pid).children(recursive=True)
                if package in child.cmdline()
            )
            for package in ("gateway", "serving")
        )

        server.kill()

        assert demo.wait() == 1
        assert not gateway.is_running()
