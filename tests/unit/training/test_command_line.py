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
