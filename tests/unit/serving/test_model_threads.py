"""The threads of the models: they outlive bugs, and end with their model."""

from __future__ import annotations

import threading

from serving.availability import wait_for_new, wait_for_start
from serving.models import ModelStore, ModelTarget
from serving.served_model import Timing
from serving.version_state import RetryPolicy, State
from tests.unit.serving.fakes import Clock, Disk, Loader, config


class BuggyOnce(Loader):
    """Ends the first load with a bug."""

    def __call__(self, folder):
        model = super().__call__(folder)
        if len(self.events) == 1:
            raise ZeroDivisionError("a bug")
        return model


def test_bug_in_load(caplog):
    """A bug in a load is logged; the thread lives on and tries again."""
    loader = BuggyOnce()
    retry = RetryPolicy(max_retries=1, interval_seconds=0)
    timing = Timing(clock=Clock(), poll_seconds=0, retry=retry)
    store = ModelStore(loader, Disk(a=[1]), timing)
    store.apply([config("a")])

    is_started = wait_for_start(store, 30)
    store.stop()

    assert is_started
    assert loader.events == ["load 1", "load 1", "close 1"]
    assert "event=bug thread=model-a" in caplog.text
    assert "a bug" in caplog.text


def test_bug_in_close(make_store):
    """A model that cannot be closed is gone all the same."""
    store = make_store(Disk(stubborn=[1]))
    wait_for_new(store, store.apply([config("stubborn")]))
    with store.lease(ModelTarget(name="stubborn")) as lease:
        lease.model.folder = None  # its close() needs it

    store.apply([])

    assert store.wait_until(
        lambda: store.statuses("stubborn")[0].state is State.END, 30
    )


def test_thread_ends_with_its_model(make_store):
    """A model that was dropped leaves no thread; when it is back it has one again."""
    store = make_store(Disk(passing=[1]))

    for _ in range(3):
        wait_for_new(store, store.apply([config("passing")]))
        (thread,) = (t for t in threading.enumerate() if t.name == "model-passing")
        store.apply([])
        thread.join(30)
        assert not thread.is_alive()
