"""Fakes around the batcher: a run that waits, and a time that does not come."""

from __future__ import annotations

import threading

# Longer than any test: a batch that ends before it was filled is a failure.
FOREVER_MICROS = 60_000_000


class Gate:
    """A run that waits until it is opened, and says when it has begun."""

    def __init__(self):
        self.has_begun = threading.Event()
        self._is_open = threading.Event()

    def __call__(self, inputs, timeout_seconds):
        self.has_begun.set()
        assert self._is_open.wait(30)
        return {"y": inputs["x"]}

    def open(self):
        """Let every run pass."""
        self._is_open.set()
