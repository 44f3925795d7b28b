"""The life of each version of one model: START, LOADING, AVAILABLE, UNLOADING, END.

A state machine without threads, clocks or files of its own; models.py drives it.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Generic

from grpc import StatusCode

from serving.errors import ServingError
from serving.version_state import (
    Lease,
    ModelT,
    Outcome,
    RetryPolicy,
    State,
    VersionRecord,
    VersionStatus,
    unavailable_version,
)

logger = logging.getLogger(__name__)


class ModelVersions(Generic[ModelT]):
    """All versions of one model. step() is for one thread, the rest for any."""

    def __init__(
        self,
        name: str,
        load: Callable[[Path], ModelT],
        clock: Callable[[], float],
        retry: RetryPolicy,
        on_change: Callable[[], None],
    ) -> None:
        self.name = name
        self._load = load
        self._clock = clock
        self._retry = retry
        self._on_change = on_change
        self._lock = threading.Lock()
        self._records: dict[int, VersionRecord[ModelT]] = {}
        self._aspired: Mapping[int, Path] = {}

    def aspire(self, folders: Mapping[int, Path]) -> None:
        """Say which versions should be loaded; all others should not.

        A version that failed is tried again only after it was absent in between, or
        from another folder; one that is loaded stays as it is.
        """
        with self._lock:
            for number, folder in folders.items():
                known = self._records.get(number)
                is_back = self._aspired.get(number) != folder
                if known is None or (is_back and known.state is State.END):
                    self._records[number] = VersionRecord(number, folder)
                elif known.state in (State.START, State.LOADING):
                    known.folder = folder
            self._aspired = dict(folders)

    @contextmanager
    def lease(self, version: int | None = None) -> Iterator[Lease[ModelT]]:
        """Keep one AVAILABLE version alive for a call; None is the highest.

        Raises:
            ServingError: NOT_FOUND; that version, or any, is not AVAILABLE now.
        """
        with self._lock:
            record = self._find(version)
            record.users += 1
        try:
            yield Lease(record.number, record.model)
        finally:
            with self._lock:
                record.users -= 1
                is_last = record.users == 0 and record.state is State.UNLOADING
            if is_last:
                self._on_change()

    def _find(self, version: int | None) -> VersionRecord[ModelT]:
        ready = {record.number: record for record in self._in_state(State.AVAILABLE)}
        number = max(ready, default=None) if version is None else version
        if number in ready:
            return ready[number]
        raise unavailable_version(self.name, version)

    def _in_state(self, *states: State) -> list[VersionRecord[ModelT]]:
        """The records in one of the states, lowest version first."""
        found = [record for record in self._records.values() if record.state in states]
        return sorted(found, key=lambda record: record.number)

    def statuses(self) -> tuple[VersionStatus, ...]:
        """Every version ever aspired, the highest first."""
        with self._lock:
            return tuple(
                VersionStatus(record.number, record.state, record.error)
                for record in reversed(self._in_state(*State))
            )

    def outcome(self) -> Outcome:
        """Where the model stands now."""
        with self._lock:
            if self._in_state(State.AVAILABLE):
                return Outcome.AVAILABLE
            if not self._aspired:
                return Outcome.ABSENT
            errors = [self._records[number].error for number in self._aspired]
            return Outcome.PENDING if None in errors else Outcome.FAILED

    def is_in_use(self) -> bool:
        """Whether a call holds a lease."""
        with self._lock:
            return any(record.users for record in self._records.values())

    def is_idle(self) -> bool:
        """Whether nothing is loaded and nothing is about to be."""
        with self._lock:
            return len(self._in_state(State.END)) == len(self._records)

    def seconds_to_retry(self) -> float | None:
        """How long until a failed load is due again; None when none waits."""
        with self._lock:
            waiting = [record.retry_at for record in self._in_state(State.LOADING)]
        return max(0.0, min(waiting) - self._clock()) if waiting else None

    def step(self) -> bool:
        """Do the most urgent thing, if there is one: close, unload or load a version.

        New versions are loaded before old ones are unloaded; one with calls in flight
        is closed only after the last of them. Returns whether anything was done.
        """
        with self._lock:
            action = self._choose()
        if action is None:
            return False
        try:
            action()
        finally:
            self._on_change()
        return True

    def _choose(self) -> Callable[[], None] | None:
        """Unloading comes first: it gives memory back."""
        for record in self._in_state(State.UNLOADING):
            if record.users == 0:
                return partial(self._close, record)
        for record in self._in_state(State.START, State.LOADING):
            if record.number not in self._aspired:
                return partial(self._end, record, record.error)
        ready = self._in_state(State.AVAILABLE)
        unwanted = [record for record in ready if record.number not in self._aspired]
        has_successor = len(unwanted) < len(ready) or not self._aspired
        if unwanted and (has_successor or len(unwanted) > 1):
            return partial(self._set_state, unwanted[0], State.UNLOADING)
        now = self._clock()
        due = self._in_state(State.START, State.LOADING)
        due = [record for record in due if record.retry_at <= now]
        return partial(self._load_version, due[-1]) if due else None

    def _set_state(self, record: VersionRecord[ModelT], state: State) -> None:
        with self._lock:
            record.state = state
        logger.info(
            "event=version_state model=%r version=%d state=%s",
            self.name,
            record.number,
            state.name,
        )

    def _end(self, record: VersionRecord[ModelT], error: ServingError | None) -> None:
        """The version is gone; it starts anew where it is wanted again by now."""
        record.error = error
        self._set_state(record, State.END)

    def _close(self, record: VersionRecord[ModelT]) -> None:
        model, record.model = record.model, None
        if model is not None:
            model.close()
        self._end(record, None)
        with self._lock:
            if record.number in self._aspired:
                folder = self._aspired[record.number]
                self._records[record.number] = VersionRecord(record.number, folder)

    def _load_version(self, record: VersionRecord[ModelT]) -> None:
        self._set_state(record, State.LOADING)
        self._on_change()
        try:
            record.model = self._load(record.folder)
        except ServingError as error:
            self._note_failure(record, error)
            return
        except Exception as bug:
            self._note_failure(record, _describe_bug(bug))
            raise
        with self._lock:
            is_wanted = record.number in self._aspired
        if is_wanted:
            self._set_state(record, State.AVAILABLE)
            return
        record.model.close()
        record.model = None
        cancelled = "Loading of servable cancelled"
        self._end(record, ServingError(StatusCode.CANCELLED, cancelled))

    def _note_failure(self, record: VersionRecord[ModelT], error: ServingError) -> None:
        record.failures += 1
        logger.warning(
            "event=load_failed model=%r version=%d attempt=%d error=%r",
            self.name,
            record.number,
            record.failures,
            str(error),
        )
        record.retry_at = self._clock() + self._retry.interval_seconds
        if record.failures > self._retry.max_retries:
            # The traceback holds the half-loaded graph.
            self._end(record, error.renewed())


def _describe_bug(bug: Exception) -> ServingError:
    """The status of a version whose load ended as no load should."""
    code = StatusCode.INTERNAL
    if isinstance(bug, MemoryError):
        code = StatusCode.RESOURCE_EXHAUSTED
    return ServingError(code, f"Loading ended with {type(bug).__name__}: {bug}")
