"""One model: when its base path is looked at, and what a missing one means."""

from __future__ import annotations

import pytest

from serving.served_model import ServedModel, Timing
from serving.version_policy import VersionPolicy
from serving.version_state import Outcome, RetryPolicy, State
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


def test_same_config():
    """Being told the same again is no reason to look again; another path is."""
    disk = Disk(a=[1], b=[2])
    model, _ = make_served(disk, poll_seconds=10)
    model.step()

    model.configure(config("a"))
    model.step()
    before = list(disk.looks)
    model.configure(config("a", base_path="/models/b"))
    pending = model.outcome()
    model.step()

    assert before == ["a"]
    assert pending is Outcome.PENDING
    assert disk.looks == ["a", "b"]
    assert numbers(model) == {2}


def test_policy_changes():
    """Another policy loads what it wants more and unloads what it wants no more."""
    disk = Disk(a=[1, 2, 3])
    model, _ = make_served(disk, poll_seconds=10)
    served = []

    for policy in (
        VersionPolicy(latest=2),
        VersionPolicy(specific=frozenset({1, 9})),
        VersionPolicy(latest=None),
        VersionPolicy(specific=frozenset()),
    ):
        model.configure(config("a", policy=policy))
        model.step()
        served.append(numbers(model))

    assert served == [{2, 3}, {1}, {1, 2, 3}, set()]


@pytest.mark.parametrize("versions", [None, []])
def test_absence_is_news(versions):
    """That there is nothing to load is told, since no version can tell it."""
    disk = Disk() if versions is None else Disk(a=versions)
    news = []
    timing = Timing(clock=Clock(), poll_seconds=1)
    model = ServedModel(
        config("a"), Loader(), disk, timing, lambda: news.append(model.outcome())
    )

    model.step()

    assert news == [Outcome.ABSENT]


def test_missing_version_is_said(caplog):
    """A version that the policy names and nobody wrote is told, with its number."""
    model, _ = make_served(Disk(a=[1]), poll_seconds=1)
    model.configure(config("a", policy=VersionPolicy(specific=frozenset({1, 7}))))

    model.step()

    assert numbers(model) == {1}
    assert "no version [7]" in caplog.text


def test_impossible_path(caplog):
    """A path that no file system takes is told like a missing one."""

    def refuse(base_path):
        raise ValueError("embedded null byte")

    timing = Timing(clock=Clock(), poll_seconds=1)
    model = ServedModel(config("a"), Loader(), refuse, timing, lambda: None)

    model.step()

    assert model.outcome() is Outcome.ABSENT
    assert "embedded null byte" in caplog.text


def test_trouble_is_said_once(caplog):
    """A base path that stays missing is one line in the log."""
    model, clock = make_served(Disk(), poll_seconds=1)

    for _ in range(5):
        model.step()
        clock.now += 1

    assert len([r for r in caplog.records if "model_not_found" in r.message]) == 1
