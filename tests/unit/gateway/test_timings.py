"""Stages add up, on a clock the test turns by hand."""

from __future__ import annotations

import pytest

from gateway.timings import Stopwatch


class HandClock:
    """Says the seconds it was set to."""

    def __init__(self):
        self.seconds = 100.0

    def __call__(self):
        return self.seconds


@pytest.fixture(name="clock")
def _clock():
    return HandClock()


def test_stages(clock):
    """A stage that comes twice counts twice; the total counts what is between too."""
    watch = Stopwatch(clock)
    for decode_seconds, model_seconds in [(0.5, 0.25), (0.0625, 1.0)]:
        with watch.stage("decode"):
            clock.seconds += decode_seconds
        with watch.stage("model"):
            clock.seconds += model_seconds
        clock.seconds += 2

    timings = watch.read()

    assert timings.to_json() == {
        "decode_ms": 562.5,
        "model_ms": 1250.0,
        "total_ms": 5812.5,
    }
    assert timings.to_header() == (
        "decode;dur=562.500, model;dur=1250.000, total;dur=5812.500"
    )


def test_fetch_comes_first(clock):
    """A fetch is told only if there was one, before what follows it."""
    watch = Stopwatch(clock)
    with watch.stage("decode"):
        clock.seconds += 1
    with watch.stage("fetch"):
        clock.seconds += 2

    assert list(watch.read().to_json().items()) == [
        ("fetch_ms", 2000.0),
        ("decode_ms", 1000.0),
        ("model_ms", 0.0),
        ("total_ms", 3000.0),
    ]


def test_failed_stage(clock):
    """A stage that fails has still taken its time."""
    watch = Stopwatch(clock)

    with pytest.raises(ValueError, match="broken"), watch.stage("model"):
        clock.seconds += 3
        raise ValueError("broken")

    assert watch.read().to_json()["model_ms"] == 3000.0
