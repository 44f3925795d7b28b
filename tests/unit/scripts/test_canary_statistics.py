"""Exact tests and the p95 of a histogram, against numbers worked out by hand."""

from __future__ import annotations

import math

import pytest

from canary_statistics import Counts, chance_of_losses, chance_of_more


@pytest.mark.parametrize(
    "lost, won, chance",
    [
        (0, 0, 1.0),
        (7, 0, 1 / 128),
        # Heads at least 3 of 4 times: (4 + 1) / 16.
        (3, 1, 5 / 16),
        (0, 5, 1.0),
    ],
)
def test_losses(lost, won, chance):
    """The tail of a fair coin."""
    assert chance_of_losses(lost, won) == pytest.approx(chance, rel=1e-12)


@pytest.mark.parametrize(
    "table, chance",
    [
        # Fisher's lady: 3 of 4 cups right, the other way round too: (16 + 1) / 70.
        ((3, 4, 1, 4), 17 / 70),
        ((4, 4, 0, 4), 1 / 70),
        # One of each: the bad one is on this side half of the time.
        ((1, 1, 0, 1), 1 / 2),
        ((0, 5, 3, 9), 1.0),
        ((0, 0, 0, 0), 1.0),
        # All are bad: nothing else was possible.
        ((5, 5, 9, 9), 1.0),
    ],
)
def test_more(table, chance):
    """The tail of the hypergeometric distribution."""
    assert chance_of_more(*table) == pytest.approx(chance, rel=1e-9)


def test_many():
    """A day of requests is judged at once, and equal shares are no news."""
    assert chance_of_more(50_000, 1_000_000, 450_000, 9_000_000) > 0.4
    assert chance_of_more(51_500, 1_000_000, 450_000, 9_000_000) < 0.001


def test_p95():
    """Evenly spread in its bucket: the 95th of 100 is 15/20 on from 1 to 2 seconds."""
    counts = Counts((1.0, 2.0, math.inf), (80, 20, 0))

    assert counts.p95_seconds == pytest.approx(1.75)
    assert counts.slower_than(1.0) == 20
    assert counts.slower_than(2.0) == 0
    assert counts.edge_above(1.75) == 2.0


def test_p95_of_nothing():
    """Without answers there is none; beyond the last edge it is that edge."""
    assert Counts().p95_seconds is None
    assert Counts(failures=3).requests == 3
    assert Counts((1.0, math.inf), (0, 5)).p95_seconds == 1.0


def test_from_seconds():
    """Buckets are a tenth wide, so the p95 of equal times is that time within 10 %."""
    counts = Counts.from_seconds([0.05] * 40, failures=2)

    assert (counts.answers, counts.requests) == (40, 42)
    assert 0.05 / 1.1 <= counts.p95_seconds <= 0.05 * 1.1
    assert sum(Counts.from_seconds([0, 1e9]).found) == 2
