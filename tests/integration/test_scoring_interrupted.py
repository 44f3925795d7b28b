"""Batch scoring that is killed, wholly or one worker of it, ends with the same rows."""

import signal
import sys
from contextlib import suppress

import psutil
import pytest

from tests.integration.scoring_process import (
    draw_photos,
    read_rest,
    score,
    start_scoring,
    wait_for_rows,
)
from tests.tiny_model import write_tiny_model

REPEATS = 40
TOTAL = 24 * REPEATS


@pytest.fixture(name="arguments", scope="module")
def _arguments(tmp_path_factory):
    """A model and a list that names each photo REPEATS times: a second of work."""
    folder = tmp_path_factory.mktemp("scoring")
    names = map(str, sorted(draw_photos(folder / "photos").iterdir()))
    listed = folder / "many.txt"
    listed.write_text("\n".join([*names] * REPEATS), encoding="utf-8")
    return "--model", write_tiny_model(folder / "tiny"), "--list", listed


@pytest.fixture(name="whole", scope="module")
def _whole(arguments, tmp_path_factory):
    """The bytes of an uninterrupted local run, by suffix."""
    folder = tmp_path_factory.mktemp("whole")
    outputs = {suffix: folder / f"scores{suffix}" for suffix in (".csv", ".parquet")}
    for output in outputs.values():
        assert score(*arguments, "--output", output) == 0
    return {suffix: output.read_bytes() for suffix, output in outputs.items()}


def rows_on_disk(output):
    """How many rows the parts hold, by the last one's name."""
    parts = sorted(output.with_name(f"{output.name}.parts").glob("0*"))
    return int(parts[-1].stem.split("-")[1])


@pytest.mark.parametrize("suffix", [".csv", ".parquet"])
def test_killed(arguments, whole, tmp_path, suffix):
    """After kill -9 the same command goes on to the very same file."""
    output = tmp_path / f"scores{suffix}"

    with start_scoring(*arguments, "--output", output) as process:
        done, _ = wait_for_rows(process)
        process.kill()
        read_rest(process)

    assert done <= rows_on_disk(output) < TOTAL
    assert not output.exists()
    assert score(*arguments, "--output", output) == 0
    assert output.read_bytes() == whole[suffix]


def test_ctrl_c(arguments, whole, tmp_path):
    """Ctrl-C says how to go on; even a pause between saves loses no row."""
    output = tmp_path / "scores.csv"

    with start_scoring(*arguments, "--output", output, save_seconds=999) as process:
        done, _ = wait_for_rows(process)
        process.send_signal(signal.SIGINT)
        code, said = read_rest(process)

    assert code == 130
    assert "score: interrupted; the same command goes on" in said
    assert "Traceback" not in said
    assert done <= rows_on_disk(output) < TOTAL
    assert score(*arguments, "--output", output) == 0
    assert output.read_bytes() == whole[".csv"]


def find_workers(process):
    """Ray's processes that score for this one now; others end while one looks."""
    for child in psutil.Process(process.pid).children(recursive=True):
        with suppress(psutil.NoSuchProcess):
            if "PhotoScorer" in " ".join(child.cmdline()):
                yield child


# Ray starts a dozen processes before its workers import TensorFlow.
@pytest.mark.timeout(400)
def test_ray_worker_killed(arguments, whole, tmp_path):
    """Two Ray workers, one killed half-way: the rows are those of the local run."""
    output = tmp_path / "scores.csv"
    options = ("--engine", "ray", "--workers", "2", "--output", output)

    with start_scoring(*arguments, *options) as process:
        done, total = wait_for_rows(process)
        workers = list(find_workers(process))
        workers[0].kill()
        code, said = read_rest(process)

    # The second may begin when the first has rows.
    assert len(workers) in (1, 2)
    assert done < total
    assert code == 0, said
    assert output.read_bytes() == whole[".csv"]


@pytest.mark.timeout(400)
def test_ray_broken_model(arguments, tmp_path):
    """A model that no Ray worker can load is a sentence, and the run ends."""
    _, _, _, listed = arguments
    folder = tmp_path / "broken" / "1"
    folder.mkdir(parents=True)
    (folder / "saved_model.pb").write_bytes(b"\x0a\xff")
    output = tmp_path / "scores.csv"

    options = ("--model", folder, "--list", listed, "--output", output)
    with start_scoring(*options, "--engine", "ray", "--workers", "1") as process:
        code, said = read_rest(process)

    assert code == 1, said
    assert "cannot be loaded" in said
    assert "Traceback" not in said


def test_without_ray(arguments, tmp_path, capsys, monkeypatch):
    """Where Ray is not installed, one sentence says what to install."""
    monkeypatch.setitem(sys.modules, "ray", None)

    output = tmp_path / "scores.csv"
    assert score(*arguments, "--output", output, "--engine", "ray") == 1

    assert "category 'ray'" in capsys.readouterr().err


@pytest.mark.parametrize("address", ["127.0.0.1:1", "nowhere"])
def test_no_ray_cluster(arguments, tmp_path, capsys, address):
    """An address where nobody answers is told at once."""
    options = ("--output", tmp_path / "scores.csv", "--engine", "ray")

    assert score(*arguments, *options, "--ray-address", address) == 1

    assert "expected a Ray cluster at HOST:PORT" in capsys.readouterr().err
