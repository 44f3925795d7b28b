"""Several models: who is looked for where, labels, new configurations."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest
from grpc import StatusCode

from serving.errors import ServingError
from serving.models import ModelStore, ModelTarget
from serving.served_model import ModelConfig, ServedModel, Timing
from serving.version_policy import VersionPolicy
from serving.version_state import RetryPolicy, State

NO_RETRY = RetryPolicy(max_retries=0, interval_seconds=0.0)


class Model:
    """What the loader returns; closed is set by close()."""

    def __init__(self, folder):
        self.folder = folder
        self.closed = threading.Event()

    def close(self):
        """Say that it is closed."""
        self.closed.set()


class Disk:
    """Base paths and their versions; counts how often each is looked at."""

    def __init__(self, **models):
        self.models = models
        self.looks = []

    def __call__(self, base_path):
        name = Path(base_path).name
        self.looks.append(name)
        if name not in self.models:
            raise FileNotFoundError(base_path)
        return {number: Path(base_path) / str(number) for number in self.models[name]}


class Clock:
    """Time that passes only when a test says so."""

    def __init__(self):
        self.now = 0.0

    def __call__(self):
        return self.now


def config(name, **fields):
    """A model under /models."""
    return ModelConfig(name=name, base_path=f"/models/{name}", **fields)


def load(folder):
    """A model, unless its folder is named 13."""
    if folder.name == "13":
        raise ServingError(StatusCode.DATA_LOSS, "broken")
    return Model(folder)


@pytest.fixture(name="make_store")
def _make_store():
    made = []

    def make(disk, poll_seconds=0, **options):
        timing = Timing(clock=Clock(), poll_seconds=poll_seconds, retry=NO_RETRY)
        made.append(ModelStore(load, disk, timing, **options))
        return made[-1]

    yield make
    for store in made:
        store.stop()


def make_served(disk, poll_seconds):
    """One model with its clock."""
    clock = Clock()
    timing = Timing(clock=clock, poll_seconds=poll_seconds, retry=NO_RETRY)
    return ServedModel(config("a"), load, disk, timing, lambda: None), clock


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
    clock.now = 9
    wait = model.step()
    early = numbers(model)
    clock.now = 10
    model.step()

    assert (wait, early, numbers(model)) == (1.0, {1}, {2})


@pytest.mark.parametrize("poll_seconds, looks", [(0, 1), (-1, 0)])
def test_no_poll(poll_seconds, looks):
    """0 looks once, a negative period never."""
    disk = Disk(a=[1])
    model, clock = make_served(disk, poll_seconds)

    waits = [model.step()]
    clock.now = 1000
    waits.append(model.step())

    assert len(disk.looks) == looks
    assert waits == [None, None]


def test_base_path_goes():
    """A base path that vanishes changes nothing; one that is empty unloads all."""
    disk = Disk(a=[1])
    model, clock = make_served(disk, poll_seconds=1)
    model.step()

    del disk.models["a"]
    clock.now = 1
    model.step()
    vanished = numbers(model)
    disk.models["a"] = []
    clock.now = 2
    model.step()

    assert vanished == {1}
    assert numbers(model) == set()


def test_trouble_is_said_once(caplog):
    """A base path that stays missing is one line in the log."""
    model, clock = make_served(Disk(), poll_seconds=1)

    for second in range(5):
        clock.now = second
        model.step()

    assert len([r for r in caplog.records if "model_not_found" in r.message]) == 1


def test_missing_model_harms_itself(make_store):
    """A model without a base path keeps no other from answering."""
    store = make_store(Disk(a=[1]))

    store.apply([config("gone"), config("a")])
    store.apply([config("a")])
    assert store.wait_until_settled(30)

    with store.lease(ModelTarget(name="a")) as lease:
        assert lease.version == 1


def test_waits_for_all(make_store):
    """A model that is not there yet keeps the start waiting."""
    store = make_store(Disk(a=[1]))

    store.apply([config("gone"), config("a")])

    assert not store.wait_until_settled(0.05)


def test_failures(make_store):
    """A model whose wanted versions all failed is told with its error."""
    store = make_store(Disk(a=[1], bad=[13]))
    store.apply([config("a"), config("bad")])

    assert store.wait_until_settled(30)

    assert {name: s.error.message for name, s in store.failures().items()} == {
        "bad": "broken"
    }


def test_policy(make_store):
    """Several versions answer at once where the policy says so."""
    store = make_store(Disk(a=[1, 2, 3]))
    store.apply([config("a", policy=VersionPolicy(specific=frozenset({1, 3})))])
    assert store.wait_until_settled(30)

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
    assert store.wait_until_settled(30)
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
    assert store.wait_until_settled(30)

    with pytest.raises(ServingError):
        store.apply([config("a", labels={"stable": 9})])
    store.apply([config("a", labels={"stable": 1, "canary": 9})])

    with store.lease(ModelTarget(name="a", label="stable")) as lease:
        assert lease.version == 1


def test_retired_model(make_store):
    """A model that is no longer configured is closed, and its END is remembered."""
    store = make_store(Disk(a=[1], b=[1]))
    store.apply([config("a"), config("b")])
    assert store.wait_until_settled(30)
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
    assert store.wait_until_settled(30)

    assert [status.version for status in store.statuses("a", 2)] == [2]
    for name, version in (("a", 7), ("b", None), ("b", 1)):
        with pytest.raises(ServingError) as caught:
            store.statuses(name, version)
        assert caught.value.code is StatusCode.NOT_FOUND


def test_stop_waits_for_calls(make_store):
    """Stopping closes every model, after the last call on it."""
    store = make_store(Disk(a=[1]))
    store.apply([config("a")])
    assert store.wait_until_settled(30)
    stopper = threading.Thread(target=store.stop)

    with store.lease(ModelTarget(name="a")) as lease:
        stopper.start()
        store.wait_until(lambda: store.statuses("a")[0].state is State.UNLOADING, 30)
        was_closed = lease.model.closed.is_set()
    stopper.join(30)

    assert not was_closed
    assert lease.model.closed.is_set()
