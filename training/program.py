"""The edge that all programs here share: environment, quiet TensorFlow, exit codes."""

from __future__ import annotations

import logging
import os
import signal
import sys
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

from training.errors import TrainingError


class Terminated(KeyboardInterrupt):
    """SIGTERM came; what Ctrl-C unwinds, this unwinds too."""


def read_datasets_dir() -> Path:
    """Where ready copies of named data sets lie: $DATASETS_DIR, or datasets/."""
    return Path(os.environ.get("DATASETS_DIR", "datasets"))


def run_program(name: str, work: Callable[[], None], interrupted: str) -> int:
    """Do a program's work; what stops it is a sentence on stderr, never a traceback.

    Args:
        name: Stands before every sentence.
        work: May import TensorFlow, which takes seconds: --help does not wait for it.
        interrupted: What Ctrl-C or SIGTERM leaves behind.

    Returns:
        The exit code: 0, 1 after a TrainingError, 130 after Ctrl-C, 143 after SIGTERM.
    """
    # At 2 it tells of an error where there is just no GPU.
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    logging.getLogger("tensorflow").setLevel(logging.ERROR)
    # Of a picture that it reads all the same; what it cannot read is listed.
    warnings.filterwarnings("ignore", module=r"PIL\.")
    try:
        with _terminable():
            work()
    except TrainingError as error:
        print(f"{name}: {error}", file=sys.stderr)
        return 1
    except Terminated:
        print(f"{name}: terminated; {interrupted}", file=sys.stderr)
        return 128 + signal.SIGTERM
    except KeyboardInterrupt:
        print(f"{name}: interrupted; {interrupted}", file=sys.stderr)
        return 130
    return 0


@contextmanager
def _terminable() -> Iterator[None]:
    """SIGTERM raises Terminated meanwhile: by itself it would end all on the spot."""

    def raise_terminated(_number: int, _frame: FrameType | None) -> None:
        # Whoever sends it again does not stop the clearing away.
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        raise Terminated

    before = signal.signal(signal.SIGTERM, raise_terminated)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
