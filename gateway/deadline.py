"""How long a caller still waits; passed inward: inner calls get what is left."""

from __future__ import annotations

import math
import time
from contextvars import ContextVar
from dataclasses import dataclass

_caller_ends_at: ContextVar[float] = ContextVar("caller_ends_at", default=math.inf)


@dataclass(frozen=True)
class Deadline:
    """A moment on the monotonic clock, in seconds."""

    ends_at: float

    @classmethod
    def after(cls, seconds: float) -> Deadline:
        """The moment that is so many seconds away, or when this caller leaves."""
        return cls(min(time.monotonic() + seconds, _caller_ends_at.get()))

    def remaining_seconds(self) -> float:
        """Seconds left; 0 when the moment has passed."""
        return max(0.0, self.ends_at - time.monotonic())


def set_caller_patience(seconds: float) -> None:
    """Let no deadline of this thread's request end later; infinity: as it was.

    Every room sets its own deadlines, and none of them needs to know of this one.
    """
    _caller_ends_at.set(time.monotonic() + seconds)
