"""What steady load and the training race come to, on figures made by hand."""

from __future__ import annotations

import pytest

from tests.benchmark.memory import Memory
from tests.benchmark.steady.command import Minute
from tests.benchmark.steady.generator import Period
from tests.benchmark.steady.outcome import tell_outcome
from tests.benchmark.training_race import command as race
from tests.benchmark.training_race.runs import Run


def make_minute(images=600, failed=0, resident=100.0):
    """A minute of 60 s; a picture costs 6 + 3 ms of processor time."""
    return Minute(
        period=Period(
            seconds=60.0,
            images=images,
            failed=failed,
            reasons=(),
            p50_ms=1.0,
            p99_ms=2.0,
            cpu_seconds=1.0,
        ),
        server_ms=6.0,
        gateway_ms=3.0,
        memory={"gateway": Memory(resident=resident, share=resident, peak=resident)},
    )


@pytest.mark.parametrize(
    "last, is_reached", [(600, True), (571, True), (569, False), (631, False)]
)
def test_last_minute(last, is_reached):
    """The last minute's speed may differ by 5 % from the first's."""
    minutes = [make_minute(), make_minute(), make_minute(images=last)]

    speed = tell_outcome(minutes)[0]

    assert (": reached" in speed) == is_reached
    assert f"{last / 600:.3f} ({last / 60:.1f} / 10.0)" in speed
    assert "processor time of a picture 1.000 (9.00 / 9.00 ms)" in speed


def test_errors():
    """One failed call of 1,801 is told, and misses the goal."""
    minutes = [make_minute(), make_minute(failed=1), make_minute()]

    errors = tell_outcome(minutes)[1]

    assert errors == "errors: 1 of 1801 calls, goal none: not reached"


@pytest.mark.parametrize("last, is_reached", [(209.0, True), (212.0, False)])
def test_memory(last, is_reached):
    """The first minute's memory is not looked at; after it 5 % are allowed."""
    held = [100.0, 200.0, last]
    minutes = [make_minute(resident=resident) for resident in held]

    memory = tell_outcome(minutes)[-1]

    assert (": reached" in memory) == is_reached
    assert "resident in minute 3 / 200.0 in minute 2" in memory


def make_run(seconds, is_reached=True):
    """As many seconds of processor time as of the clock."""
    return Run(
        seconds=seconds, cpu_seconds=seconds, accuracy=0.98, is_reached=is_reached
    )


def test_race_won():
    """Tutorial over ours, as the median of the rounds."""
    pairs = [(make_run(10.0), make_run(seconds)) for seconds in (50.0, 70.0, 120.0)]

    told = race.tell_outcome(pairs)

    assert "tutorial / ours: 7.00 (5.00 to 12.00) (goal 10)" in told
    assert "lower bound" not in told
    assert "sooner" not in told


def test_race_not_finished():
    """A tutorial that was ended by its limit gives a lower bound, and says so."""
    pairs = [(make_run(10.0), make_run(5.0, is_reached=False))]

    told = race.tell_outcome(pairs)

    assert "in 1 of 1 rounds the tutorial did not reach our accuracy" in told
    assert "sooner" not in told


def test_race_lost():
    """Where the tutorial is there first, that is said plainly."""
    pairs = [(make_run(10.0), make_run(9.0)), (make_run(10.0), make_run(11.0))]

    told = race.tell_outcome(pairs)

    assert "in 1 of 2 rounds the tutorial was there sooner than we" in told
