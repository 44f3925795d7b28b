"""The life of each version of one model: START, LOADING, AVAILABLE, UNLOADING, END.

A state machine without threads, clocks or files of its own; models.py drives it.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Generic, Protocol, TypeVar

from grpc import StatusCode

from serving.errors import ServingError, not_found
from serving.version_state import RetryPolicy, State, VersionStatus

logger = logging.getLogger(__name__)


class Closable(Protocol):
    """What a loader returns: anything that gives its memory back."""

    def close(self) -> None:
        """Called once, when no call uses it any more."""


ModelT = TypeVar("ModelT", bound=Closable)


@dataclass(frozen=True)
class Lease(Generic[ModelT]):
    """The right to run one version; it is not closed before this is given back."""

    version: int
    model: ModelT


@dataclass
class _Version(Generic[ModelT]):
    """One version's record; changed under the owner's lock only."""

    number: int
    folder: Path
    state: State = State.START
    model: ModelT | None = None
    error: ServingError | None = None
    failures: int = 0
    retry_at: float = 0.0
    users: int = 0


def unavailable_version(name: str, version: int | None) -> ServingError:
    """The answer to a call that asks for what is not AVAILABLE now."""
    wanted = f"Latest({name})"
    if version is not None:
        wanted = f"Specific({name}, {version})"
    return not_found(f"Servable not found for request: {wanted}")


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
        self._records: dict[int, _Version[ModelT]] = {}
        self._aspired: Mapping[int, Path] = {}

    def aspire(self, folders: Mapping[int, Path]) -> None:
        """Say which versions should be loaded; all others should not.

        A version that failed is tried again only after it was absent in between.
        """
        with self._lock:
            for number, folder in folders.items():
                known = self._records.get(number)
                is_back = number not in self._aspired
                if known is None or (is_back and known.state is State.END):
                    self._records[number] = _Version(number, folder)
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

    def _find(self, version: int | None) -> _Version[ModelT]:
        ready = {record.number: record for record in self._in_state(State.AVAILABLE)}
        number = max(ready, default=None) if version is None else version
        if number in ready:
            return ready[number]
        raise unavailable_version(self.name, version)

    def _in_state(self, *states: State) -> list[_Version[ModelT]]:
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

    def is_settled(self) -> bool:
        """Whether some version answers, or every one that should has failed."""
        with self._lock:
            errors = [self._records[number].error for number in self._aspired]
            has_failed = bool(errors) and None not in errors
            return has_failed or bool(self._in_state(State.AVAILABLE))

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
        action()
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

    def _set_state(self, record: _Version[ModelT], state: State) -> None:
        with self._lock:
            record.state = state
        logger.info(
            "event=version_state model=%s version=%d state=%s",
            self.name,
            record.number,
            state.name,
        )

    def _end(self, record: _Version[ModelT], error: ServingError | None) -> None:
        """The version is gone; it starts anew where it is wanted again by now."""
        record.error = error
        self._set_state(record, State.END)

    def _close(self, record: _Version[ModelT]) -> None:
        model, record.model = record.model, None
        if model is not None:
            model.close()
        self._end(record, None)
        with self._lock:
            if record.number in self._aspired:
                folder = self._aspired[record.number]
                self._records[record.number] = _Version(record.number, folder)

    def _load_version(self, record: _Version[ModelT]) -> None:
        self._set_state(record, State.LOADING)
        self._on_change()
        try:
            record.model = self._load(record.folder)
        except ServingError as error:
            self._note_failure(record, error)
            return
        with self._lock:
            is_wanted = record.number in self._aspired
        if is_wanted:
            self._set_state(record, State.AVAILABLE)
            return
        record.model.close()
        record.model = None
        cancelled = "Loading of servable cancelled"
        self._end(record, ServingError(StatusCode.CANCELLED, cancelled))

    def _note_failure(self, record: _Version[ModelT], error: ServingError) -> None:
        record.failures += 1
        logger.warning(
            "event=load_failed model=%s version=%d attempt=%d error=%r",
            self.name,
            record.number,
            record.failures,
            str(error),
        )
        record.retry_at = self._clock() + self._retry.interval_seconds
        if record.failures > self._retry.max_retries:
            self._end(record, error)
