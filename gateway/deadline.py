"""How long a caller still waits; passed inward: inner calls get what is left."""

from __future__ import annotations

import time
from dataclasses import dataclass


@dataclass(frozen=True)
class Deadline:
    """A moment on the monotonic clock, in seconds."""

    ends_at: float

    @classmethod
    def after(cls, seconds: float) -> Deadline:
        """The moment that is so many seconds away."""
        return cls(time.monotonic() + seconds)

    def remaining_seconds(self) -> float:
        """Seconds left; 0 when the moment has passed."""
        return max(0.0, self.ends_at - time.monotonic())
