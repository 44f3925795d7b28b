"""One run of each way to train, as a new process with nothing kept from before."""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
import time
from dataclasses import dataclass

_OURS_LIMIT_SECONDS = 900
# The epoch under way when the limit comes, and the export.
_GRACE_SECONDS = 300


@dataclass(frozen=True, kw_only=True)
class Run:
    """seconds from the start of the interpreter to its end; epochs as they were told.

    Of the tutorial's seconds those of its test passes are taken off.
    """

    seconds: float
    cpu_seconds: float
    accuracy: float
    is_reached: bool
    epochs: tuple[dict, ...] = ()


def run_ours(data, backbone, folder):
    """python -m training with an empty cache.

    Raises:
        RuntimeError: It failed.
    """
    output = folder / "models" / data
    command = ("training", f"--data={data}", f"--backbone={backbone}")
    flags = (f"--output={output}", f"--cache={folder / 'cache'}")
    seconds, cpu_seconds, _ = _run((*command, *flags), _OURS_LIMIT_SECONDS)
    contract = (output / "1" / "assets.extra" / "contract.json").read_bytes()
    return Run(
        seconds=seconds,
        cpu_seconds=cpu_seconds,
        accuracy=json.loads(contract)["evaluation"]["test_accuracy"],
        is_reached=True,
    )


def run_tutorial(data_folder, backbone, folder, goal):
    """The tutorial until it is as good.

    Args:
        goal: (test accuracy that ends it, minutes that end it).

    Raises:
        RuntimeError: It failed.
    """
    accuracy, limit_minutes = goal
    flags = (
        f"--data={data_folder}",
        f"--backbone={backbone}",
        f"--output={folder / 'tutorial'}",
        f"--accuracy={accuracy}",
        f"--limit-minutes={limit_minutes}",
    )
    most_seconds = 60 * limit_minutes + _GRACE_SECONDS
    module = "tests.benchmark.peers.keras_tutorial"
    seconds, cpu_seconds, said = _run((module, *flags), most_seconds)
    epochs = tuple(json.loads(line) for line in said.splitlines() if line[:1] == "{")
    if not (epochs and (folder / "tutorial" / "saved_model.pb").is_file()):
        raise RuntimeError("the tutorial exported nothing")
    return Run(
        seconds=seconds - epochs[-1]["judging_seconds"],
        cpu_seconds=cpu_seconds - epochs[-1]["judging_cpu_seconds"],
        accuracy=epochs[-1]["test_accuracy"],
        is_reached=epochs[-1]["is_reached"],
        epochs=epochs,
    )


def _run(module, limit_seconds):
    """(seconds, seconds of processor time, what it said) of python -m MODULE FLAGS."""
    before, began_at = _children_seconds(), time.monotonic()
    done = subprocess.run(
        [sys.executable, "-m", *module],
        env={**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3"},
        capture_output=True,
        text=True,
        timeout=limit_seconds,
        check=False,
    )
    seconds = time.monotonic() - began_at
    if done.returncode:
        raise RuntimeError(f"{module[0]} failed: {done.stderr[-500:]}")
    return seconds, _children_seconds() - before, done.stdout


def _children_seconds():
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime
