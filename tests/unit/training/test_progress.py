"""Progress: a bar on a terminal, few lines in a log."""

import io

import pytest

from training import progress
from training.progress import ProgressBar


class _Terminal(io.StringIO):
    """A file that says it is a terminal."""

    def isatty(self):
        return True


def count_to(file, total):
    """Progress of that many steps, each of which is told."""
    with ProgressBar(
        total=total, desc="photos", file=file, mininterval=0
    ) as progress_bar:
        for number in range(total):
            progress_bar.set_postfix_str(f"at {number}")
            progress_bar.update()


def test_log():
    """A stage of less than ten seconds is two lines: its start and its end."""
    file = io.StringIO()

    count_to(file, 1000)

    first, last = file.getvalue().splitlines()
    assert first.startswith("photos:   0%")
    assert last.startswith("photos: 100%") and "1000/1000" in last and "at 999" in last
    assert "\r" not in file.getvalue()


def test_log_of_a_long_stage(monkeypatch):
    """A line is written as often as it is due, here at each change."""
    monkeypatch.setattr(progress, "LINE_SECONDS", 0.0)
    file = io.StringIO()

    count_to(file, 5)

    lines = file.getvalue().splitlines()
    assert [line.split("|")[0] for line in lines[:1]] == ["photos:   0%"]
    assert any("3/5" in line for line in lines)
    assert all(line.startswith("photos: ") for line in lines)


def test_iteration():
    """What is iterated comes through, and its end is told."""
    file = io.StringIO()

    seen = list(ProgressBar(range(50), "decoding", 50, file=file))

    assert seen == list(range(50))
    assert "50/50" in file.getvalue().splitlines()[-1]
    assert len(file.getvalue().splitlines()) == 2


def test_other_text():
    """Text written meanwhile stands on its own line."""
    file = io.StringIO()

    with ProgressBar(total=2, file=file) as progress_bar:
        progress_bar.write("fold 1 of 2", file=file)

    assert "fold 1 of 2" in file.getvalue().splitlines()


@pytest.mark.parametrize("total", [1, 200])
def test_terminal(total):
    """On a terminal one line is drawn over and over."""
    file = _Terminal()

    count_to(file, total)

    assert file.getvalue().count("\n") == 1
    assert file.getvalue().count("\r") > total


@pytest.mark.parametrize("kind", [io.StringIO, _Terminal])
def test_nothing_to_do(kind):
    """Nothing is said of a stage without steps: all of it was kept from another run."""
    file = kind()

    count_to(file, 0)

    assert not file.getvalue()
