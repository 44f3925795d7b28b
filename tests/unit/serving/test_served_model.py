"""One model: when its base path is looked at, and what a missing one means."""

from __future__ import annotations

import pytest

from serving.served_model import ServedModel, Timing
from serving.version_state import RetryPolicy, State
from tests.unit.serving.fakes import Clock, Disk, Loader, config


def make_served(disk, poll_seconds):
    """One model with its clock."""
    clock = Clock()
    timing = Timing(clock=clock, poll_seconds=poll_seconds, retry=RetryPolicy())
    return ServedModel(config("a"), Loader(), disk, timing, lambda: None), clock


def numbers(model):
    """The versions that are AVAILABLE."""
    return {
        status.version
        for status in model.versions.statuses()
        if status.state is State.AVAILABLE
    }


def test_poll_period():
    """The base path is looked at when the period is over, not before."""
    disk = Disk(a=[1])
    model, clock = make_served(disk, poll_seconds=10)
    model.step()

    disk.models["a"] = [1, 2]
    clock.now += 9
    wait = model.step()
    early = numbers(model)
    clock.now += 1
    model.step()

    assert (wait, early, numbers(model)) == (1.0, {1}, {2})


@pytest.mark.parametrize("poll_seconds, looks", [(0, 1), (-1, 0)])
def test_no_poll(poll_seconds, looks):
    """0 looks once, a negative period never."""
    disk = Disk(a=[1])
    model, clock = make_served(disk, poll_seconds)

    waits = [model.step()]
    clock.now += 1000
    waits.append(model.step())

    assert len(disk.looks) == looks
    assert waits == [None, None]


def test_base_path_goes():
    """A base path that vanishes changes nothing; one that is empty unloads all."""
    disk = Disk(a=[1])
    model, clock = make_served(disk, poll_seconds=1)
    model.step()

    del disk.models["a"]
    clock.now += 1
    model.step()
    vanished = numbers(model)
    disk.models["a"] = []
    clock.now += 1
    model.step()

    assert vanished == {1}
    assert numbers(model) == set()


def test_trouble_is_said_once(caplog):
    """A base path that stays missing is one line in the log."""
    model, clock = make_served(Disk(), poll_seconds=1)

    for _ in range(5):
        model.step()
        clock.now += 1

    assert len([r for r in caplog.records if "model_not_found" in r.message]) == 1
