"""The life of versions, driven step by step with a fake clock and loader."""

from __future__ import annotations

import pytest
from grpc import StatusCode

from serving.errors import ServingError
from serving.version_state import RetryPolicy, State
from serving.versions import ModelVersions
from tests.unit.serving.fakes import folders, settle, states


def test_first_version(versions, loader):
    """A version that is wanted is loaded and answers."""
    versions.aspire(folders(7))

    before = states(versions)
    settle(versions)

    assert before == {7: State.START}
    assert states(versions) == {7: State.AVAILABLE}
    with versions.lease() as lease:
        assert (lease.version, lease.model.folder.name) == (7, "7")
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


def test_last_call_wakes(clock, loader):
    """The end of the last call on an unloading version is announced."""
    changes = []
    versions = ModelVersions(
        "m", loader, clock, RetryPolicy(), lambda: changes.append(1)
    )
    versions.aspire(folders(1))
    settle(versions)

    with versions.lease():
        versions.aspire({})
        settle(versions)
        before = len(changes)

    assert len(changes) == before + 1
