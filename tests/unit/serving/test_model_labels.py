"""Labels: where they may point, and what happens when they move."""

from __future__ import annotations

import pytest
from grpc import StatusCode

from serving.availability import wait_for_start
from serving.errors import ServingError
from serving.models import ModelTarget
from serving.version_policy import VersionPolicy
from serving.version_state import State
from tests.unit.serving.fakes import Disk, config


def test_label(make_store):
    """A label answers with its version, and moves with a new configuration."""
    store = make_store(Disk(a=[1, 2]))
    everything = VersionPolicy(latest=None)
    store.apply([config("a", policy=everything)])
    wait_for_versions(store, 2)

    store.apply([config("a", policy=everything, labels={"stable": 1})])
    with store.lease(ModelTarget(name="a", label="stable")) as before:
        pass
    store.apply([config("a", policy=everything, labels={"stable": 2})])
    with store.lease(ModelTarget(name="a", label="stable")) as after:
        pass

    assert (before.version, after.version) == (1, 2)


def wait_for_versions(store, version):
    """Wait until both versions of "a" answer: the highest is loaded first."""
    assert wait_for_start(store, 30)
    with store.lease(ModelTarget(name="a", version=version)):
        pass
    store.wait_until(
        lambda: all(s.state is State.AVAILABLE for s in store.statuses("a")), 30
    )


def test_label_to_nothing(make_store):
    """A label to a version that does not answer is refused; nothing is changed."""
    store = make_store(Disk(a=[1]))

    with pytest.raises(ServingError) as caught:
        store.apply([config("a", labels={"stable": 1})])

    assert caught.value.code is StatusCode.FAILED_PRECONDITION
    with pytest.raises(ServingError):
        store.statuses("a")


def test_label_may_not_move_to_nothing(make_store):
    """With the flag a new label may point anywhere, a known one may not move there."""
    store = make_store(Disk(a=[1]), allow_labels_for_unavailable=True)
    store.apply([config("a", labels={"stable": 1})])
    assert wait_for_start(store, 30)

    with pytest.raises(ServingError):
        store.apply([config("a", labels={"stable": 9})])
    store.apply([config("a", labels={"stable": 1, "canary": 9})])

    with store.lease(ModelTarget(name="a", label="stable")) as lease:
        assert lease.version == 1
