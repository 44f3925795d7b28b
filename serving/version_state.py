"""What can be said of one version: state, error, next attempt, users."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, IntEnum, auto
from pathlib import Path
from typing import Generic, Protocol, TypeVar

from serving.errors import ServingError, not_found


class State(IntEnum):
    """A version's place in life. Source: get_model_status.proto."""

    START = 10
    LOADING = 20
    AVAILABLE = 30
    UNLOADING = 40
    END = 50


class Outcome(Enum):
    """Where a model stands, all its versions together.

    PENDING: not looked for yet, or being loaded. AVAILABLE: some version answers.
    FAILED: every wanted version ended with an error. ABSENT: there is none to load.
    """

    PENDING = auto()
    AVAILABLE = auto()
    FAILED = auto()
    ABSENT = auto()


@dataclass(frozen=True, kw_only=True)
class RetryPolicy:
    """How often a load is tried again, and the seconds between two attempts."""

    max_retries: int = 5
    interval_seconds: float = 60.0


@dataclass(frozen=True)
class VersionStatus:
    """One version as GetModelStatus tells it; an error only beside END."""

    version: int
    state: State
    error: ServingError | None = None


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
class VersionRecord(Generic[ModelT]):
    """What versions.py knows of one version; changed under its lock only."""

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
