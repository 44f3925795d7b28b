"""Exported networks to measure with, made in a process that ends with its memory."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

NAMES = ("mobilenetv2-160", "efficientnet-lite0-224")
_LIMIT_SECONDS = 300


def export(name, folder, classes=(2,)):
    """Networks of that name; number of classes to the folder above the version.

    Raises:
        RuntimeError: It failed; with the end of what it said.
    """
    done = subprocess.run(
        [sys.executable, "-m", __name__, name, folder, *map(str, classes)],
        capture_output=True,
        text=True,
        timeout=_LIMIT_SECONDS,
        check=False,
    )
    if done.returncode:
        raise RuntimeError(f"{name} was not exported: {done.stderr[-500:]}")
    return {count: _base_path(folder, name, count) for count in classes}


def _base_path(folder, name, classes):
    return Path(folder) / f"{name}-{classes}"


def _export_all(name, folder, *classes):
    # pylint: disable-next=import-outside-toplevel  # TensorFlow, 500 MB
    from tests.benchmark.exported_models import export_network

    for count in map(int, classes):
        export_network(name, _base_path(folder, name, count), count)


if __name__ == "__main__":
    _export_all(*sys.argv[1:])
