"""scripts/demo from photos to a printed answer, and its end on Ctrl-C."""

import os
import re
import shutil
import signal
import subprocess
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil
import pytest

from tests.integration.trained_model import LABELS, draw_photos

ROOT = Path(__file__).resolve().parents[2]
WAIT_SECONDS = 300


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


@dataclass(frozen=True)
class FirstRun:
    """What the demo said that had to train, and what its curl line gave."""

    photos: Path
    said: str
    repeated: str | None
    code: int


@pytest.fixture(name="first_run", scope="module")
def _first_run(tmp_path_factory):
    """Trained once, ended by Ctrl-C; the folder's name, with a blank, becomes a model.

    That one is removed after. An empty version folder, which is no model, was there.
    """
    name = f"demo test {os.getpid()}"
    photos = draw_photos(tmp_path_factory.mktemp("demo") / name)
    for path in list(photos.glob("*/*.png")):
        path.rename(path.with_name(f'{path.stem}, of; "six".png'))
    model = ROOT / "models" / name.replace(" ", "-")
    (model / "7").mkdir(parents=True)
    try:
        with start_demo(photos, "--max-epochs", "1") as process:
            said = read_until(process, "until Ctrl-C")
            repeated = repeat_curl(said, photos.parent)
            os.killpg(process.pid, signal.SIGINT)
            code = process.wait()
        yield FirstRun(photos, said, repeated, code)
    finally:
        shutil.rmtree(model)


def repeat_curl(said, folder):
    """What the printed command gives in a shell; None where there is no curl."""
    command = re.search(r"^\$ (curl .*)$", said, re.M)[1]
    if shutil.which("curl") is None:
        return None
    return subprocess.check_output(command, shell=True, cwd=folder, text=True)


@pytest.mark.timeout(WAIT_SECONDS)
def test_demo(first_run):
    """It trains, answers, prints a curl line that works, and stops on Ctrl-C."""
    said, repeated = first_run.said, first_run.repeated

    assert first_run.code == 0
    assert "training a classifier" in said
    assert re.search(r"test accuracy  [01]\.\d{4} \(95 % interval", said)
    assert any(f'"label": "{label}"' in said for label in LABELS)
    assert ", version 8 in " in said
    assert repeated is None or '"version":8' in repeated.replace(" ", "")


@pytest.mark.timeout(WAIT_SECONDS)
def test_once(first_run):
    """A second run reuses the model, and ends by itself if it is told to."""
    with start_demo(first_run.photos, "--once") as second:
        said = read_until(second, "both servers stopped")
        code = second.wait()

    assert code == 0
    assert f"reusing {ROOT}/models/demo-test-" in said
    assert "training a classifier" not in said


@pytest.mark.timeout(WAIT_SECONDS)
def test_closed_terminal(first_run):
    """A closed terminal ends the servers, too."""
    with start_demo(first_run.photos) as process:
        read_until(process, "until Ctrl-C")
        servers = list(find_servers(process).values())
        process.send_signal(signal.SIGHUP)
        code = process.wait()

    assert code == 0
    assert not any(server.is_running() for server in servers)


@pytest.mark.timeout(WAIT_SECONDS)
def test_server_that_dies(first_run):
    """The demo says that a server ended by itself, stops the other one and fails."""
    with start_demo(first_run.photos) as demo:
        read_until(demo, "until Ctrl-C")
        servers = find_servers(demo)

        servers["serving"].kill()

        assert demo.wait() == 1
        assert not servers["gateway"].is_running()


def find_servers(demo):
    """The demo's two servers, by the name of their package."""
    children = psutil.Process(demo.pid).children(recursive=True)
    return {
        package: next(child for child in children if package in child.cmdline())
        for package in ("gateway", "serving")
    }
