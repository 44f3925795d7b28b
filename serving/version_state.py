"""What can be said of one version: its state, its error, its next attempt."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

from serving.errors import ServingError


class State(IntEnum):
    """A version's place in life. Source: get_model_status.proto."""

    START = 10
    LOADING = 20
    AVAILABLE = 30
    UNLOADING = 40
    END = 50


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
