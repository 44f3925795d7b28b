"""The state machine of versions, driven step by step with a fake clock and loader."""

from __future__ import annotations

from pathlib import Path

import pytest
from grpc import StatusCode

from serving.errors import ServingError
from serving.version_state import RetryPolicy, State
from serving.versions import ModelVersions

RETRY = RetryPolicy(max_retries=2, interval_seconds=60.0)


class Clock:
    """Time that passes only when a test says so."""

    def __init__(self):
        self.now = 100.0

    def __call__(self):
        return self.now


class Model:
    """What the loader returns; remembers that it was closed."""

    def __init__(self, number, events):
        self.number = number
        self._events = events

    def close(self):
        """Write down the end."""
        self._events.append(f"close {self.number}")


class Loader:
    """Loads at once; fails for the versions in broken."""

    def __init__(self):
        self.events = []
        self.broken = set()

    def __call__(self, folder):
        number = int(folder.name)
        self.events.append(f"load {number}")
        if number in self.broken:
            raise ServingError(StatusCode.DATA_LOSS, f"version {number} is broken")
        return Model(number, self.events)


@pytest.fixture(name="clock")
def _clock():
    return Clock()


@pytest.fixture(name="loader")
def _loader():
    return Loader()


@pytest.fixture(name="versions")
def _versions(clock, loader):
    return ModelVersions("m", loader, clock, RETRY, on_change=lambda: None)


def folders(*numbers):
    """What a poll of the base path gives."""
    return {number: Path("/models/m") / str(number) for number in numbers}


def settle(versions):
    """Run every step that is due."""
    while versions.step():
        pass


def states(versions):
    """{version: state}."""
    return {status.version: status.state for status in versions.statuses()}


def test_first_version(versions, loader):
    """A version that is wanted is loaded and answers."""
    versions.aspire(folders(7))

    before = states(versions)
    settle(versions)

    assert before == {7: State.START}
    assert states(versions) == {7: State.AVAILABLE}
    with versions.lease() as lease:
        assert (lease.version, lease.model.number) == (7, 7)
    assert loader.events == ["load 7"]


def test_new_before_old(versions, loader):
    """The new version answers before the old one is unloaded."""
    versions.aspire(folders(1))
    settle(versions)

    versions.aspire(folders(2))
    settle(versions)

    assert loader.events == ["load 1", "load 2", "close 1"]
    assert states(versions) == {2: State.AVAILABLE, 1: State.END}


def test_statuses_descend(versions):
    """The highest version comes first, whatever the order of loading."""
    versions.aspire(folders(3, 11, 5))
    settle(versions)

    assert [status.version for status in versions.statuses()] == [11, 5, 3]


def test_highest_loads_first(versions, loader):
    """Of several new versions the newest answers soonest."""
    versions.aspire(folders(1, 3, 2))
    settle(versions)

    assert loader.events == ["load 3", "load 2", "load 1"]


def test_call_keeps_version(versions, loader):
    """A version with a call in flight is unloaded only after the call."""
    versions.aspire(folders(1))
    settle(versions)

    with versions.lease() as lease:
        versions.aspire(folders(2))
        settle(versions)
        during = states(versions)
        closed = "close 1" in loader.events
    settle(versions)

    assert lease.version == 1
    assert during == {2: State.AVAILABLE, 1: State.UNLOADING}
    assert not closed
    assert loader.events[-1] == "close 1"


def test_unloading_takes_no_calls(versions):
    """New calls do not reach a version that is on its way out."""
    versions.aspire(folders(1))
    settle(versions)

    with versions.lease(1):
        versions.aspire(folders(2))
        settle(versions)

        with pytest.raises(ServingError) as caught, versions.lease(1):
            pass

    assert caught.value.code is StatusCode.NOT_FOUND


@pytest.mark.parametrize(
    "version, message",
    [
        (None, "Servable not found for request: Latest(m)"),
        (9, "Servable not found for request: Specific(m, 9)"),
    ],
)
def test_nothing_available(versions, version, message):
    """A version that is not loaded yet is NOT_FOUND, with TensorFlow Serving's text."""
    versions.aspire(folders(9))

    with pytest.raises(ServingError) as caught, versions.lease(version):
        pass

    assert caught.value.code is StatusCode.NOT_FOUND
    assert caught.value.message == message


def test_broken_keeps_old(versions, loader, clock):
    """While a broken version is retried, and after, the old one answers."""
    versions.aspire(folders(1))
    settle(versions)
    loader.broken = {2}
    versions.aspire(folders(2))

    settle(versions)
    retrying = states(versions)
    for _ in range(2):
        clock.now += 60
        settle(versions)

    assert retrying == {2: State.LOADING, 1: State.AVAILABLE}
    assert states(versions) == {2: State.END, 1: State.AVAILABLE}
    assert loader.events.count("load 2") == 3
    assert versions.statuses()[0].error.code is StatusCode.DATA_LOSS
    with versions.lease() as lease:
        assert lease.version == 1


def test_retry_waits(versions, loader, clock):
    """Nothing is tried again before the interval is over."""
    loader.broken = {1}
    versions.aspire(folders(1))
    settle(versions)

    clock.now += 59
    early = versions.step()
    remaining = versions.seconds_to_retry()
    clock.now += 1
    due = versions.step()

    assert (early, remaining, due) == (False, 1.0, True)
    assert loader.events == ["load 1", "load 1"]


def test_retry_succeeds(versions, loader, clock):
    """A version that is repaired in time becomes AVAILABLE without an error."""
    loader.broken = {1}
    versions.aspire(folders(1))
    settle(versions)

    loader.broken = set()
    clock.now += 60
    settle(versions)

    assert states(versions) == {1: State.AVAILABLE}
    assert versions.statuses()[0].error is None
    assert versions.seconds_to_retry() is None


def fail_for_good(versions, loader, clock, number):
    """Let a version use up all its attempts."""
    loader.broken = {number}
    versions.aspire(folders(number))
    for _ in range(3):
        settle(versions)
        clock.now += 60


def test_failed_stays_failed(versions, loader, clock):
    """A version that failed is not tried again as long as its folder stays."""
    fail_for_good(versions, loader, clock, 1)

    versions.aspire(folders(1))
    settle(versions)

    assert loader.events == ["load 1"] * 3
    assert states(versions) == {1: State.END}


def test_failed_comes_back(versions, loader, clock):
    """A failed version whose folder went and came back is loaded anew."""
    fail_for_good(versions, loader, clock, 1)
    loader.broken = set()

    versions.aspire({})
    versions.aspire(folders(1))
    settle(versions)

    assert states(versions) == {1: State.AVAILABLE}


def test_retry_stops(versions, loader, clock):
    """A version that is no longer wanted is not tried again."""
    loader.broken = {1}
    versions.aspire(folders(1))
    settle(versions)

    versions.aspire(folders(2))
    settle(versions)
    clock.now += 60
    settle(versions)

    assert loader.events == ["load 1", "load 2"]
    assert states(versions) == {2: State.AVAILABLE, 1: State.END}


def test_unwanted_while_loading(clock):
    """A load that ends after its version was dropped is CANCELLED and closed."""
    events = []

    def load(folder):
        versions.aspire({})
        return Model(int(folder.name), events)

    versions = ModelVersions("m", load, clock, RETRY, on_change=lambda: None)
    versions.aspire(folders(1))
    settle(versions)

    (status,) = versions.statuses()
    assert (status.state, status.error.code) == (State.END, StatusCode.CANCELLED)
    assert events == ["close 1"]


def test_all_unwanted(versions, loader):
    """Without any wanted version everything is unloaded."""
    versions.aspire(folders(1, 2))
    settle(versions)

    versions.aspire({})
    settle(versions)

    assert loader.events[2:] == ["close 1", "close 2"]
    assert versions.is_idle()


def test_back_while_unloading(versions, loader):
    """A version wanted again while calls still hold it is closed, then loaded."""
    versions.aspire(folders(1))
    settle(versions)

    with versions.lease():
        versions.aspire({})
        settle(versions)
        versions.aspire(folders(1))
        settle(versions)
        during = states(versions)
    settle(versions)

    assert during == {1: State.UNLOADING}
    assert loader.events == ["load 1", "close 1", "load 1"]
    assert states(versions) == {1: State.AVAILABLE}


def test_settled(versions, loader, clock):
    """A model is settled when a version answers or every wanted one has failed."""
    nothing = versions.is_settled()
    loader.broken = {2}
    versions.aspire(folders(1, 2))
    versions.step()
    retrying = versions.is_settled()
    settle(versions)
    answering = versions.is_settled()

    assert (nothing, retrying, answering) == (False, False, True)


def test_settled_by_failure(versions, loader, clock):
    """Waiting ends when nothing is left to try."""
    fail_for_good(versions, loader, clock, 1)

    assert versions.is_settled()


def test_last_call_wakes(clock, loader):
    """The end of the last call on an unloading version is announced."""
    changes = []
    versions = ModelVersions("m", loader, clock, RETRY, lambda: changes.append(1))
    versions.aspire(folders(1))
    settle(versions)

    with versions.lease():
        versions.aspire({})
        settle(versions)
        before = len(changes)

    assert len(changes) == before + 1
