"""How long each stage of a request took: measured, then told in JSON and a header."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from gateway.trace import span

SERVER_TIMING = "Server-Timing"
FETCH = "fetch"
DECODE = "decode"
MODEL = "model"
TOTAL = "total"


@dataclass(frozen=True)
class Timings:
    """Stage to seconds, in the order of a request; fetch only if there was one."""

    seconds: dict[str, float]

    def to_json(self) -> dict[str, float]:
        """Milliseconds, each under its stage's name and unit: decode_ms."""
        return {
            f"{stage}_ms": round(1000 * seconds, 3)
            for stage, seconds in self.seconds.items()
        }

    def to_header(self) -> str:
        """The value of Server-Timing (W3C), durations in milliseconds."""
        return ", ".join(
            f"{stage};dur={1000 * seconds:.3f}"
            for stage, seconds in self.seconds.items()
        )


class Stopwatch:
    """Adds up a request's stages from its making on; for one thread."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        """Clock gives seconds and never goes back."""
        self._clock = clock
        self._started_at = clock()
        self._seconds = {DECODE: 0.0, MODEL: 0.0}

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Count the block's time, also when it fails; a stage may come twice.

        It is a span of the request's trace as well.
        """
        entered_at = self._clock()
        try:
            with span(name):
                yield
        finally:
            spent = self._clock() - entered_at
            self._seconds[name] = self._seconds.get(name, 0.0) + spent

    def read(self) -> Timings:
        """The stages so far and the total since the start."""
        total = self._clock() - self._started_at
        stages = (FETCH, DECODE, MODEL)
        seconds = {
            name: self._seconds[name] for name in stages if name in self._seconds
        }
        return Timings({**seconds, TOTAL: total})
