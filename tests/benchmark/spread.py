"""Figures of several rounds in a few words."""

from __future__ import annotations

import statistics


def describe(figures, digits=2):
    """The median, and in brackets the smallest and the largest."""
    middle, low, high = statistics.median(figures), min(figures), max(figures)
    return f"{middle:.{digits}f} ({low:.{digits}f} to {high:.{digits}f})"
