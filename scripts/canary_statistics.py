"""Is one version worse than another beyond chance? Exact tests of counts."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

P95 = 0.95


@dataclass(frozen=True)
class Counts:
    """Answers by how long the model took, and those that never came.

    edges are the buckets' upper bounds in seconds, rising, the last one infinity; found
    has a count for each.
    """

    edges: tuple[float, ...] = ()
    found: tuple[int, ...] = ()
    failures: int = 0

    @classmethod
    def from_seconds(cls, seconds: Sequence[float], failures: int = 0) -> Counts:
        """Each in a bucket of its own kind: a tenth wider than the one before."""
        edges = (*(0.0001 * 1.1**step for step in range(125)), math.inf)
        found = [0] * len(edges)
        for value in seconds:
            found[next(place for place, edge in enumerate(edges) if value <= edge)] += 1
        return cls(edges, tuple(found), failures)

    @property
    def answers(self) -> int:
        """Requests that were answered."""
        return sum(self.found)

    @property
    def requests(self) -> int:
        """Requests, answered or not."""
        return self.answers + self.failures

    @property
    def p95_seconds(self) -> float | None:
        """What 95 of 100 answers took at most, evenly spread in their bucket."""
        rank = P95 * self.answers
        before, low = 0, 0.0
        for edge, count in zip(self.edges, self.found):
            if count and before + count >= rank:
                inside = (rank - before) / count
                return low if math.isinf(edge) else low + inside * (edge - low)
            before, low = before + count, edge
        return None

    def slower_than(self, seconds: float) -> int:
        """How many answers lie in buckets above that many seconds."""
        return sum(
            count
            for edge, count in zip(self.edges, self.found)
            if edge > seconds * (1 + 1e-9)
        )

    def edge_above(self, seconds: float) -> float:
        """The upper bound of the bucket that so many seconds fall into."""
        return next((edge for edge in self.edges if edge >= seconds), math.inf)


def chance_of_losses(lost: int, won: int) -> float:
    """How often a fair coin would fall so, or worse: at least lost of lost + won.

    Source: McNemar's exact test, one-sided, of two versions on the same photos.
    """
    tosses = lost + won
    ways = sum(math.comb(tosses, heads) for heads in range(lost, tosses + 1))
    return ways / 2**tosses


def chance_of_more(bad: int, of_all: int, known_bad: int, known_all: int) -> float:
    """How often chance alone puts so many of all bad ones, or more, on one side.

    Source: Fisher's exact test, one-sided.
    """
    everything, all_bad = of_all + known_all, bad + known_bad
    first = max(bad, of_all - (everything - all_bad))
    whole = _log_choices(everything, of_all)
    return math.fsum(
        math.exp(
            _log_choices(all_bad, count)
            + _log_choices(everything - all_bad, of_all - count)
            - whole
        )
        for count in range(first, min(all_bad, of_all) + 1)
    )


def _log_choices(things: int, chosen: int) -> float:
    """ln(things over chosen): the numbers themselves would fill pages."""
    return (
        math.lgamma(things + 1)
        - math.lgamma(chosen + 1)
        - math.lgamma(things - chosen + 1)
    )
