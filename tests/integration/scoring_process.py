"""python -m training.score here or in a process of its own, watched through its bar."""

from __future__ import annotations

import re
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from PIL import Image

from training.score import main

ROOT = Path(__file__).resolve().parents[2]
_PROGRESS = re.compile(rb"(\d+)/(\d+) \[")
# As python -m training.score, but with a line for every change of the bar: into a pipe
# it writes one in ten seconds.
_TALKATIVE = """
import runpy
import training.progress
training.progress.LINE_SECONDS = 0.0
runpy.run_module("training.score", run_name="__main__", alter_sys=True)
"""


def draw_photos(folder):
    """24 noisy PNGs in a new folder, each with its own colors; the folder."""
    folder.mkdir(exist_ok=True)
    noise = np.random.default_rng(5)
    for number in range(24):
        levels = noise.integers(0, 200, 3)
        pixels = noise.integers(levels, levels + 56, (300, 400, 3)).astype(np.uint8)
        Image.fromarray(pixels).save(folder / f"{number:02d}.png")
    return folder


def score(*arguments):
    """The program in this process; its exit code."""
    return main([str(argument) for argument in arguments])


@contextmanager
def start_scoring(*arguments, save_seconds=0):
    """The program in a process, which ends with the block."""
    command = [sys.executable, "-c", _TALKATIVE, *map(str, arguments)]
    with subprocess.Popen(
        [*command, "--save-seconds", str(save_seconds)],
        cwd=ROOT,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        bufsize=0,
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def wait_for_rows(process):
    """(rows, all rows) as soon as the bar shows that some are on disk."""
    text = b""
    while chunk := process.stderr.read(4096):
        text += chunk
        for done, total in _PROGRESS.findall(text):
            if 0 < int(done):
                return int(done), int(total)
    raise AssertionError(f"ended with {process.wait()} after\n{text.decode()}")


def read_rest(process):
    """(exit code, what else was on stderr)."""
    text = process.stderr.read().decode()
    return process.wait(), text
