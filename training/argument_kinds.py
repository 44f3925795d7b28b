"""Kinds of arguments; each refuses at once what would fail minutes later."""

from __future__ import annotations

import argparse
import math
from collections.abc import Callable
from typing import TypeVar

_Number = TypeVar("_Number", int, float)


def as_count(text: str) -> int:
    """A whole number from 1."""
    number = _read(int, "a whole number", text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"expected at least 1, received {number}")
    return number


def as_seed(text: str) -> int:
    """A whole number that NumPy takes as a seed."""
    seed = _read(int, "a whole number", text)
    if not 0 <= seed < 2**32:
        raise argparse.ArgumentTypeError(f"expected 0 to {2**32 - 1}, received {seed}")
    return seed


def as_folds(text: str) -> int:
    """A whole number from 2."""
    folds = _read(int, "a whole number", text)
    if folds < 2:
        raise argparse.ArgumentTypeError(f"expected at least 2, received {folds}")
    return folds


def as_share(text: str) -> float:
    """A share, 0 to 1."""
    share = _read(float, "a number", text)
    if not 0 <= share <= 1:
        raise argparse.ArgumentTypeError(f"expected a share, 0 to 1, received {text}")
    return share


def as_inner_share(text: str) -> float:
    """A share above 0, to a half."""
    share = _read(float, "a number", text)
    if not 0 < share <= 0.5:
        raise argparse.ArgumentTypeError(f"expected above 0, to 0.5, received {text}")
    return share


def as_positive(text: str) -> float:
    """A finite number above 0."""
    number = _read(float, "a number", text)
    if not 0 < number < math.inf:
        raise argparse.ArgumentTypeError(f"expected more than 0, received {text}")
    return number


def as_not_negative(text: str) -> float:
    """A finite number from 0."""
    number = _read(float, "a number", text)
    if not 0 <= number < math.inf:
        raise argparse.ArgumentTypeError(f"expected 0 or more, received {text}")
    return number


def _read(kind: Callable[[str], _Number], name: str, text: str) -> _Number:
    try:
        return kind(text)
    except ValueError:
        raise argparse.ArgumentTypeError(
            f"expected {name}, received '{text}'"
        ) from None
