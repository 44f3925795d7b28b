"""What a start and a reload wait for, and what they say of models that failed."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from grpc import StatusCode

from serving.availability import is_answering, wait_for_new, wait_for_start
from serving.errors import ServingError
from serving.version_state import Outcome, State
from tests.unit.serving.fakes import Disk, config

BROKEN_13 = "{{name: %s version: 13} due to error: DATA_LOSS: version 13 is broken}, "


def test_empty_start(make_store):
    """No models at all: nothing to wait for."""
    store = make_store(Disk())

    store.apply([])

    assert wait_for_start(store, 30)
    assert is_answering(store)


@pytest.mark.parametrize("versions", [None, []])
def test_absent_beside_good(make_store, versions):
    """A base path that is missing or empty is not waited for when others answer."""
    disk = Disk(a=[1])
    if versions is not None:
        disk.models["gone"] = versions
    store = make_store(disk)

    store.apply([config("gone"), config("a")])

    assert wait_for_start(store, 30)
    assert store.outcomes() == {"gone": Outcome.ABSENT, "a": Outcome.AVAILABLE}


def test_absent_alone(make_store):
    """Where no model answers the start goes on waiting."""
    store = make_store(Disk())
    store.apply([config("gone"), config("missing")])

    is_started = wait_for_start(store, 0.05)

    assert not is_started
    assert not is_answering(store)


def test_failed_beside_good(make_store):
    """A model that does not load ends the start, with the reference's message."""
    store = make_store(Disk(a=[1], bad=[13], worse=[13]))
    store.apply([config("a"), config("bad"), config("worse")])

    with pytest.raises(ServingError) as caught:
        wait_for_start(store, 30)

    assert caught.value.code is StatusCode.UNKNOWN
    assert caught.value.message == (
        "2 servable(s) did not become available: "
        f"{{{BROKEN_13 % 'bad'}{BROKEN_13 % 'worse'}}}"
    )


def test_start_of_closed_store(make_store):
    """A start that is given up says so and tells of no failure."""
    store = make_store(Disk(bad=[13]))
    store.apply([config("bad")])
    store.close()

    assert not wait_for_start(store, 30)


def test_new_model(make_store):
    """A reload waits for the new models only, and is done when they answer."""
    store = make_store(Disk(a=[1], b=[1]))
    assert store.apply([config("gone"), config("a")]) == {"gone", "a"}

    new = store.apply([config("gone"), config("a"), config("b")])
    wait_for_new(store, new)

    assert new == {"b"}
    assert store.outcomes()["b"] is Outcome.AVAILABLE


def test_new_model_fails(make_store):
    """A new model that fails is told in the reference's words; others stay."""
    store = make_store(Disk(a=[1], bad=[13]))
    store.apply([config("a")])

    with pytest.raises(ServingError) as caught:
        wait_for_new(store, store.apply([config("a"), config("bad")]))

    assert caught.value.code is StatusCode.UNKNOWN
    assert caught.value.message == (
        f"1 model(s) did not become available: {{{BROKEN_13 % 'bad'}}}"
    )
    assert is_answering(store)


def wait_in_thread(pool, store, new, is_given_up=lambda: False):
    """A future of wait_for_new() that has begun to wait."""
    has_begun = threading.Event()

    def look():
        has_begun.set()
        return is_given_up()

    waiting = pool.submit(wait_for_new, store, new, look)
    assert has_begun.wait(30)
    return waiting


@pytest.mark.parametrize(
    "end, code",
    [
        (lambda store: store.close(), StatusCode.UNAVAILABLE),
        (lambda store: store.apply([config("a")]), StatusCode.ABORTED),
    ],
)
def test_wait_is_ended(make_store, end, code):
    """Waiting ends when the server stops or the model leaves the configuration."""
    store = make_store(Disk(a=[1]))
    new = store.apply([config("a"), config("gone")])

    with ThreadPoolExecutor(1) as pool:
        waiting = wait_in_thread(pool, store, new)
        end(store)
        error = waiting.exception(30)

    assert error.code is code


def test_wait_is_given_up(make_store):
    """Waiting ends when the caller is gone."""
    store = make_store(Disk())
    gone = threading.Event()
    new = store.apply([config("gone")])

    with ThreadPoolExecutor(1) as pool:
        waiting = wait_in_thread(pool, store, new, gone.is_set)
        gone.set()
        store.note_change()
        error = waiting.exception(30)

    assert error.code is StatusCode.CANCELLED


def test_wait_blocks_nobody(make_store):
    """While one reload waits, another one is applied and its models load."""
    disk = Disk(a=[1])
    store = make_store(disk, poll_seconds=0.01)
    new = store.apply([config("late")])

    with ThreadPoolExecutor(1) as pool:
        waiting = wait_in_thread(pool, store, new)
        wait_for_new(store, store.apply([config("late"), config("a")]))
        was_waiting = not waiting.done()
        disk.models["late"] = [7]
        store.apply([config("late", base_path="/elsewhere/late"), config("a")])
        waiting.result(30)

    assert was_waiting
    assert store.statuses("late")[0].state is State.AVAILABLE


def test_back_again(make_store):
    """A model that was dropped and comes back is waited for like a new one."""
    store = make_store(Disk(a=[1]))
    wait_for_new(store, store.apply([config("a")]))
    store.apply([])
    store.wait_until(lambda: store.statuses("a")[0].state is State.END, 30)

    new = store.apply([config("a")])
    wait_for_new(store, new)

    assert new == {"a"}
    assert store.statuses("a")[0].state is State.AVAILABLE


def test_closed_store(make_store):
    """A store that closes takes no more configurations."""
    store = make_store(Disk(a=[1]))
    store.close()

    with pytest.raises(ServingError) as caught:
        store.apply([config("a")])

    assert caught.value.code is StatusCode.UNAVAILABLE
    assert store.outcomes() == {}
