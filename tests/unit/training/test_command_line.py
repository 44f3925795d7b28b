"""The command line: what is refused before TensorFlow is imported."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from training.command_line import parse_arguments

REQUIRED = ["--data", "photos", "--output", "models/shades"]


def test_arguments():
    """What is given lands in the configuration, the rest has its default."""
    config = parse_arguments([*REQUIRED, "--min-accuracy", "0.9"], Path("ready"))

    assert (config.data, config.output) == ("photos", Path("models/shades"))
    assert config.datasets_dir == Path("ready")
    assert (config.min_accuracy, config.head.max_epochs) == (0.9, 200)


@pytest.mark.parametrize(
    "argument",
    [
        "--seed=-1",
        "--seed=4294967296",
        "--max-epochs=0",
        "--max-epochs=1.5",
        "--min-accuracy=95",
        "--min-accuracy=nan",
    ],
)
def test_values_out_of_range(argument, capsys):
    """A number that would fail after minutes of work ends in the usage at once."""
    with pytest.raises(SystemExit):
        parse_arguments([*REQUIRED, argument], Path())

    assert f"argument {argument.partition('=')[0]}:" in capsys.readouterr().err


@pytest.mark.parametrize(
    "argument, rule",
    [
        ("--size=large", "expected a whole number, received 'large'"),
        ("--folds=", "expected a whole number, received ''"),
        ("--dropout=half", "expected a number, received 'half'"),
    ],
)
def test_values_that_are_no_numbers(argument, rule, capsys):
    """The sentence tells the rule, not the name of a function."""
    with pytest.raises(SystemExit):
        parse_arguments([*REQUIRED, argument], Path())

    assert rule in capsys.readouterr().err


def test_resume_without_cache(capsys):
    """What is kept nowhere cannot be gone on with."""
    with pytest.raises(SystemExit):
        parse_arguments([*REQUIRED, "--resume", "--no-cache"], Path())

    assert "expected --resume with a cache" in capsys.readouterr().err


def test_user_without_home():
    """A bare number in a container, in no list of users, keeps its cache in /tmp."""
    code = """
import pathlib
def nobody(kind):
    raise RuntimeError("Could not determine home directory.")
pathlib.Path.home = classmethod(nobody)
from training.config import CACHE_DIR
print(CACHE_DIR)
"""

    done = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "TMPDIR": "/tmp"},
        capture_output=True,
        text=True,
        check=True,
    )

    assert done.stdout == "/tmp/image-classifier\n"


def test_interrupt_while_importing(tmp_path):
    """Ctrl-C before the first photo is a sentence and 130, not a traceback."""
    # In TensorFlow's place a module that waits at a pipe until it is interrupted.
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "tensorflow.py").write_text(f"open({str(tmp_path / 'pipe')!r}).read()")
    with subprocess.Popen(
        [sys.executable, "-m", "training", *REQUIRED],
        env={**os.environ, "PYTHONPATH": str(tmp_path)},
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        with (tmp_path / "pipe").open("wb"):
            process.send_signal(signal.SIGINT)
            _, said = process.communicate(timeout=30)

    assert process.returncode == 130
    assert said == (
        "training: interrupted; nothing was exported. The same command with --resume "
        "goes on\n"
    )
