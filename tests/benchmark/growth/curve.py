"""One curve: what was measured at each of its points, and in words where it bends."""

from __future__ import annotations

import os
import statistics
from dataclasses import dataclass

CORES = os.cpu_count()
# A core that is busy for so much of the time has no room for more.
BUSY_SHARE = 0.9
NEAR_SHARE = 0.9
# So much of the cores in other hands, and the clock no longer measures this work.
DISTURBED_SHARE = 0.15


@dataclass(frozen=True, kw_only=True)
class Sample:
    """One round at one point.

    gateway_ms, server_ms and load_ms are processor milliseconds for each picture;
    our_cores are the cores these three kept busy, other_cores everything else did.
    """

    images_per_second: float
    p50_ms: float
    p99_ms: float
    gateway_ms: float
    server_ms: float
    load_ms: float
    our_cores: float
    other_cores: float


@dataclass(frozen=True)
class Point:
    """All rounds at one place of the horizontal axis."""

    x: float
    samples: tuple[Sample, ...]

    def values(self, name):
        """That field of every round."""
        return [getattr(sample, name) for sample in self.samples]

    def median(self, name):
        """That field's median."""
        return statistics.median(self.values(name))

    @property
    def speed(self):
        """Median images a second."""
        return self.median("images_per_second")

    @property
    def bound(self):
        """Images a second if all cores did nothing but this work at this cost."""
        cost_ms = sum(
            self.median(f"{part}_ms") for part in ("gateway", "server", "load")
        )
        return 1000 * CORES / cost_ms


@dataclass(frozen=True, kw_only=True)
class Curve:
    """Points in ascending order; what is the same at all of them stands in `fixed`."""

    name: str
    title: str
    x_label: str
    fixed: str
    points: tuple[Point, ...]

    @property
    def best(self):
        """The fastest point."""
        return max(self.points, key=lambda point: point.speed)

    @property
    def risen(self):
        """The first point near the best, unless that is where the curve begins."""
        near = next(point for point in self.points if self._is_near(point))
        return None if near is self.points[0] else near

    @property
    def fallen(self):
        """The first point from which on none comes near the best again, or None."""
        near = [
            number for number, each in enumerate(self.points) if self._is_near(each)
        ]
        return next(iter(self.points[near[-1] + 1 :]), None)

    def _is_near(self, point):
        return point.speed >= NEAR_SHARE * self.best.speed

    def tell(self):
        """Sentences: where the curve rises and falls, and what the processors say."""
        sentences = [
            f"The most is {self.best.speed:.0f} images/s at {show(self.best.x)}."
        ]
        if self.risen is not None:
            sentences.append(self._tell_rise(self.risen))
        if self.fallen is not None:
            sentences.append(self._tell_fall(self.fallen))
        if len(sentences) == 1:
            sentences.append("No point is more than a tenth below it: no bend.")
        others = statistics.median(point.median("other_cores") for point in self.points)
        if others > DISTURBED_SHARE * CORES:
            sentences.append(
                f"Other programs took {others:.2f} of the {CORES} cores meanwhile: "
                "trust the processor times and their bound, not the images/s."
            )
        return sentences

    def _tell_rise(self, reached):
        first = self.points[0]
        busy = reached.median("our_cores") + reached.median("other_cores")
        reason = (
            "the cores are busy, so more cannot come"
            if busy >= BUSY_SHARE * CORES
            else "the cores are not all busy: something else is waited for"
        )
        return (
            f"It bends at {show(reached.x)}, the first with 90 % of that: there "
            f"{reason} ({busy:.2f} of {CORES}, {reached.median('other_cores'):.2f} of "
            f"them by other programs). From {show(first.x)} to there images/s grow "
            f"{reached.speed / first.speed:.2f}-fold, and a picture's processor time "
            f"goes {_tell_costs(first, reached)}."
        )

    def _tell_fall(self, fallen):
        last = self.points[-1]
        return (
            f"It falls: from {show(fallen.x)} on more than a tenth is gone; at "
            f"{show(last.x)} it is {1 - last.speed / self.best.speed:.0%} less. From "
            "the best to the last a picture's processor time goes "
            f"{_tell_costs(self.best, last)}."
        )


def show(x):
    """A place on the horizontal axis as people write it."""
    return f"{x:,g}"


def _tell_costs(before, after):
    """The change of each part's processor time, the largest first."""
    parts = [
        (name, before.median(field), after.median(field))
        for name, field in (
            ("model server", "server_ms"),
            ("gateway", "gateway_ms"),
            ("load generator", "load_ms"),
        )
    ]
    parts.sort(key=lambda part: -abs(part[2] - part[1]))
    return ", ".join(f"{old:.1f} to {new:.1f} ms ({name})" for name, old, new in parts)
