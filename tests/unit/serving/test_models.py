"""Several models: who is looked for where, and what a new configuration changes."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest
from grpc import StatusCode

from serving.availability import wait_for_start
from serving.errors import ServingError
from serving.models import ModelTarget
from serving.version_policy import VersionPolicy
from serving.version_state import State
from tests.unit.serving.fakes import Disk, config


def test_missing_model_harms_itself(make_store):
    """A model without a base path keeps no other from answering."""
    store = make_store(Disk(a=[1]))

    store.apply([config("gone"), config("a")])
    assert wait_for_start(store, 30)

    with store.lease(ModelTarget(name="a")) as lease:
        assert lease.version == 1


def test_policy(make_store):
    """Several versions answer at once where the policy says so."""
    store = make_store(Disk(a=[1, 2, 3]))
    store.apply([config("a", policy=VersionPolicy(specific=frozenset({1, 3})))])
    assert wait_for_start(store, 30)

    with store.lease(ModelTarget(name="a", version=3)) as lease:
        assert lease.model.folder == Path("/models/a/3")
    with pytest.raises(ServingError), store.lease(ModelTarget(name="a", version=2)):
        pass


@pytest.mark.parametrize(
    "target, code, message",
    [
        (
            ModelTarget(name="b"),
            StatusCode.NOT_FOUND,
            "Servable not found for request: Latest(b)",
        ),
        (
            ModelTarget(name="b", version=4),
            StatusCode.NOT_FOUND,
            "Servable not found for request: Specific(b, 4)",
        ),
        (
            ModelTarget(name="b", label="x"),
            StatusCode.INVALID_ARGUMENT,
            "Unrecognized servable version label: x",
        ),
        (
            ModelTarget(name="a", label="x"),
            StatusCode.INVALID_ARGUMENT,
            "Unrecognized servable version label: x",
        ),
        (
            ModelTarget(name="a", label="later"),
            StatusCode.NOT_FOUND,
            "Servable not found for request: Specific(a, 9)",
        ),
    ],
)
def test_unknown_target(make_store, target, code, message):
    """Unknown models, versions and labels, each with TensorFlow Serving's code."""
    store = make_store(Disk(a=[1]), allow_labels_for_unavailable=True)
    store.apply([config("a", labels={"later": 9})])

    with pytest.raises(ServingError) as caught, store.lease(target):
        pass

    assert (caught.value.code, caught.value.message) == (code, message)


def test_retired_model(make_store):
    """A model that is no longer configured is closed, and its END is remembered."""
    store = make_store(Disk(a=[1], b=[1]))
    store.apply([config("a"), config("b")])
    assert wait_for_start(store, 30)
    with store.lease(ModelTarget(name="a")) as lease:
        pass

    store.apply([config("b")])

    assert lease.model.closed.wait(30)
    store.wait_until(lambda: store.statuses("a")[0].state is State.END, 30)
    assert store.statuses("b")[0].state is State.AVAILABLE


def test_statuses(make_store):
    """One version can be asked for; what never was is NOT_FOUND."""
    store = make_store(Disk(a=[1, 2]))
    store.apply([config("a")])
    assert wait_for_start(store, 30)

    assert [status.version for status in store.statuses("a", 2)] == [2]
    for name, version in (("a", 7), ("b", None), ("b", 1)):
        with pytest.raises(ServingError) as caught:
            store.statuses(name, version)
        assert caught.value.code is StatusCode.NOT_FOUND


def test_stop_waits_for_calls(make_store):
    """Stopping closes every model, after the last call on it."""
    store = make_store(Disk(a=[1]))
    store.apply([config("a")])
    assert wait_for_start(store, 30)
    stopper = threading.Thread(target=store.stop)

    with store.lease(ModelTarget(name="a")) as lease:
        stopper.start()
        store.wait_until(lambda: store.statuses("a")[0].state is State.UNLOADING, 30)
        was_closed = lease.model.closed.is_set()
    stopper.join(30)

    assert not was_closed
    assert lease.model.closed.is_set()
