"""Versions that do not load: retries, giving up, coming back."""

from __future__ import annotations

import weakref
from pathlib import Path

import pytest
from grpc import StatusCode

from serving.errors import ServingError
from serving.version_state import Outcome, RetryPolicy, State
from serving.versions import ModelVersions
from tests.unit.serving.fakes import Model, folders, settle, states


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
        return Model(folder, events)

    versions = ModelVersions("m", load, clock, RetryPolicy(), on_change=lambda: None)
    versions.aspire(folders(1))
    settle(versions)

    (status,) = versions.statuses()
    assert (status.state, status.error.code) == (State.END, StatusCode.CANCELLED)
    assert events == ["close 1"]


def test_outcome(versions, loader):
    """A model is pending until a version answers."""
    nothing = versions.outcome()
    loader.broken = {2}
    versions.aspire(folders(1, 2))
    versions.step()
    retrying = versions.outcome()
    settle(versions)

    assert (nothing, retrying) == (Outcome.ABSENT, Outcome.PENDING)
    assert versions.outcome() is Outcome.AVAILABLE


def test_failed_outcome(versions, loader, clock):
    """A model has failed when nothing is left to try."""
    fail_for_good(versions, loader, clock, 1)

    assert versions.outcome() is Outcome.FAILED


@pytest.mark.parametrize(
    "bug, code",
    [
        (ZeroDivisionError("x"), StatusCode.INTERNAL),
        (MemoryError(), StatusCode.RESOURCE_EXHAUSTED),
    ],
)
def test_bug_in_load(clock, bug, code):
    """A load that ends as no load should is retried and told like any other error."""

    def load(folder):
        raise bug

    versions = ModelVersions("m", load, clock, RetryPolicy(max_retries=1), lambda: None)
    versions.aspire(folders(1))

    for _ in range(2):
        with pytest.raises(type(bug)):
            versions.step()
        clock.now += 60

    (status,) = versions.statuses()
    assert (status.state, status.error.code) == (State.END, code)
    assert type(bug).__name__ in status.error.message
    assert not versions.step()


def test_failure_keeps_no_graph(clock):
    """What a failed load had in its hands is not kept with the error."""
    half_loaded = []

    def load(folder):
        graph = Model(folder, [])
        half_loaded.append(weakref.ref(graph))
        raise ServingError(StatusCode.DATA_LOSS, "broken")

    versions = ModelVersions("m", load, clock, RetryPolicy(max_retries=0), lambda: None)
    versions.aspire(folders(1))
    settle(versions)

    assert versions.outcome() is Outcome.FAILED
    assert half_loaded[0]() is None


def test_other_folder(versions, loader, clock):
    """A failed version that lies elsewhere now is tried there at once."""
    fail_for_good(versions, loader, clock, 1)
    loader.broken = set()

    versions.aspire({1: Path("/elsewhere/1")})
    settle(versions)

    assert states(versions) == {1: State.AVAILABLE}


def test_other_folder_between_retries(versions, loader, clock):
    """A version that is being retried is looked for where it lies now."""
    loader.broken = {1}
    versions.aspire(folders(1))
    settle(versions)
    loader.broken = set()

    versions.aspire({1: Path("/elsewhere/1")})
    clock.now += 60
    settle(versions)

    with versions.lease() as lease:
        assert lease.model.folder == Path("/elsewhere/1")


def test_other_folder_of_loaded(versions, loader):
    """A version that answers stays as it is when its folder moves."""
    versions.aspire(folders(1))
    settle(versions)

    versions.aspire({1: Path("/elsewhere/1")})
    settle(versions)

    assert loader.events == ["load 1"]
