"""One thread per model, so that a slow or broken one holds nobody else up.

Owns the threads and the news that something has changed; decides nothing.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from functools import partial
from typing import Generic

from serving.served_model import ServedModel
from serving.thread_edge import run_at_edge
from serving.version_state import ModelT

_SECONDS_AFTER_BUG = 1.0


class ModelThreads(Generic[ModelT]):
    """Runs the steps of models until each is retired and unloaded."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._threads: dict[str, threading.Thread] = {}
        self._listeners: list[Callable[[], None]] = []
        self._changed = threading.Condition()
        self._changes = 0

    def run(self, model: ServedModel[ModelT]) -> None:
        """See that the model has a thread."""
        name = model.versions.name
        with self._lock:
            if name in self._threads:
                return
            self._threads[name] = threading.Thread(
                target=self._keep_current, args=(model,), name=f"model-{name}"
            )
            self._threads[name].start()

    def listen(self, listener: Callable[[], None]) -> None:
        """Call it after every change of any version, from the thread that made it."""
        self._listeners.append(listener)

    def note_change(self) -> None:
        """Wake the models' threads and everybody who waits."""
        with self._changed:
            self._changes += 1
            self._changed.notify_all()
        for listener in self._listeners:
            listener()

    def wait_until(
        self, is_true: Callable[[], bool], timeout_seconds: float | None = None
    ) -> bool:
        """Look after every change; return whether it came true in time.

        No lock is held meanwhile: is_true may call whatever makes changes.
        """
        start = time.monotonic()
        while True:
            seen = self._changes
            if is_true():
                return True
            remaining = None
            if timeout_seconds is not None:
                remaining = timeout_seconds + start - time.monotonic()
            with self._changed:
                if not self._changed.wait_for(partial(self._has_news, seen), remaining):
                    return is_true()

    def join(self) -> None:
        """Wait for the threads' end, which comes when all models are retired."""
        with self._lock:
            threads = list(self._threads.values())
        for thread in threads:
            thread.join()

    def _keep_current(self, model: ServedModel[ModelT]) -> None:
        while not self._leave_if_over(model):
            seen = self._changes
            seconds = run_at_edge(model.step, otherwise=_SECONDS_AFTER_BUG)
            with self._changed:
                self._changed.wait_for(partial(self._has_news, seen), seconds)

    def _has_news(self, seen: int) -> bool:
        return self._changes != seen

    def _leave_if_over(self, model: ServedModel[ModelT]) -> bool:
        """Under the lock, so that run() starts another thread where one just left."""
        with self._lock:
            is_over = model.config is None and model.versions.is_idle()
            if is_over:
                del self._threads[model.versions.name]
            return is_over
