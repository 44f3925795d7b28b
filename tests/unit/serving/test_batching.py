"""The batcher: what is merged, who gets which rows, who gets which error."""

from __future__ import annotations

import threading
from concurrent.futures import FIRST_COMPLETED, ThreadPoolExecutor, wait

import numpy as np
import pytest
from grpc import StatusCode

from serving.batching import Batcher, BatchingParameters
from serving.errors import ServingError, invalid_argument

# Longer than any test: a batch that ends before it was filled is a failure.
FOREVER_MICROS = 60_000_000


class Doubler:
    """Doubles rows, refuses negative ones, remembers the size of every run."""

    def __init__(self):
        self.sizes = []
        self.timeouts = []

    def __call__(self, inputs, timeout_seconds):
        self.sizes.append(len(inputs["x"]))
        self.timeouts.append(timeout_seconds)
        if (inputs["x"] < 0).any():
            raise invalid_argument("negative row")
        return {"y": inputs["x"] * 2}


class Gate:
    """A run that waits until it is opened, and says when it has begun."""

    def __init__(self):
        self.has_begun = threading.Event()
        self._is_open = threading.Event()

    def __call__(self, inputs, timeout_seconds):
        self.has_begun.set()
        assert self._is_open.wait(30)
        return {"y": inputs["x"]}

    def open(self):
        """Let every run pass."""
        self._is_open.set()


@pytest.fixture(name="make_batcher")
def _make_batcher():
    made = []

    def make(**parameters):
        made.append(Batcher(BatchingParameters(**parameters)))
        return made[-1]

    yield make
    for batcher in made:
        batcher.stop()


@pytest.fixture(name="callers")
def _callers():
    with ThreadPoolExecutor(16) as pool:
        yield pool


def rows(*values):
    """One float column as the input x."""
    return {"x": np.array(values, np.float32).reshape(-1, 1)}


def test_lone_caller(make_batcher):
    """A caller alone does not wait for company."""
    run = Doubler()

    outputs = make_batcher().run("kind", run, rows(1, 2))

    assert outputs["y"].tolist() == [[2.0], [4.0]]
    assert run.sizes == [2]


def test_merge(make_batcher, callers):
    """Concurrent calls are one run, and each caller gets its own rows."""
    batcher = make_batcher(max_batch_size=8, batch_timeout_micros=FOREVER_MICROS)
    run = Doubler()

    answers = list(
        callers.map(
            lambda value: batcher.run("kind", run, rows(value, value + 100)), range(4)
        )
    )

    assert run.sizes == [8]
    assert [answer["y"].ravel().tolist() for answer in answers] == [
        [0.0, 200.0],
        [2.0, 202.0],
        [4.0, 204.0],
        [6.0, 206.0],
    ]


def test_merge_while_busy(make_batcher, callers):
    """Without any timeout, calls that arrive during a run share the next one.

    One thread is busy and one batch of three may wait, so of four calls exactly one is
    refused; its refusal tells that the other three are in the batch.
    """
    batcher = make_batcher(
        max_batch_size=3, num_batch_threads=1, max_enqueued_batches=1
    )
    gate, run = Gate(), Doubler()
    first = callers.submit(batcher.run, "gate", gate, rows(5))
    assert gate.has_begun.wait(30)

    calls = [callers.submit(batcher.run, "kind", run, rows(i)) for i in range(4)]
    refused, waiting = wait(calls, 30, FIRST_COMPLETED)
    gate.open()

    (error,) = [call.exception(30) for call in refused]
    assert error.code is StatusCode.UNAVAILABLE
    assert error.message == (
        "The batch scheduling queue to which this task was submitted is full; "
        "currently 1 batches enqueued and max_enqueued_batches is 1"
    )
    assert {call.result(30)["y"].item() for call in waiting} == {
        2.0 * i for i, call in enumerate(calls) if call in waiting
    }
    assert run.sizes == [3]
    assert first.result(30)["y"].item() == 5.0


def test_kinds_apart(make_batcher, callers):
    """Calls of another kind, shape or dtype never share a run."""
    batcher = make_batcher(max_batch_size=2, batch_timeout_micros=FOREVER_MICROS)
    run = Doubler()
    calls = [
        ("a", np.zeros((1, 1), np.float32)),
        ("b", np.zeros((1, 1), np.float32)),
        ("a", np.zeros((1, 2), np.float32)),
        ("a", np.zeros((1, 1), np.float64)),
    ]

    # Twice each: only a twin can fill a batch of two.
    answers = callers.map(
        lambda call: batcher.run(call[0], run, {"x": call[1]}), calls + calls
    )

    assert [answer["y"].shape for answer in answers] == [
        (1, 1),
        (1, 1),
        (1, 2),
        (1, 1),
    ] * 2
    assert run.sizes == [2, 2, 2, 2]


def test_bad_member(make_batcher, callers):
    """A call whose rows are refused harms no other call of its batch."""
    batcher = make_batcher(max_batch_size=3, batch_timeout_micros=FOREVER_MICROS)
    run = Doubler()

    calls = [callers.submit(batcher.run, "kind", run, rows(v)) for v in (1, -1, 3)]

    assert calls[0].result(30)["y"].item() == 2.0
    assert calls[1].exception(30).message == "negative row"
    assert calls[2].result(30)["y"].item() == 6.0
    assert run.sizes == [3, 1, 1, 1]


def test_bug_reaches_callers(make_batcher):
    """What is no ServingError comes out at the caller, and the threads live on."""
    batcher = make_batcher(num_batch_threads=1)

    def broken(inputs, timeout_seconds):
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        batcher.run("kind", broken, rows(1))

    assert batcher.run("kind", Doubler(), rows(1))["y"].item() == 2.0


def test_caller_gives_up(make_batcher, callers):
    """A caller whose time is over gets DEADLINE_EXCEEDED; its rows are not run."""
    batcher = make_batcher(num_batch_threads=1)
    gate, run = Gate(), Doubler()
    callers.submit(batcher.run, "gate", gate, rows(0))
    assert gate.has_begun.wait(30)

    with pytest.raises(ServingError) as caught:
        batcher.run("kind", run, rows(1), timeout_seconds=0.01)
    gate.open()
    batcher.stop()

    assert caught.value.code is StatusCode.DEADLINE_EXCEEDED
    assert run.sizes == []


def test_time_left(make_batcher):
    """The run is told how much time is left."""
    run = Doubler()

    make_batcher().run("kind", run, rows(1), timeout_seconds=30)

    assert 0 < run.timeouts[0] <= 30


def test_split(make_batcher):
    """A call above the size of one run is split and comes back in one piece."""
    batcher = make_batcher(
        max_batch_size=16,
        enable_large_batch_splitting=True,
        max_execution_batch_size=4,
        num_batch_threads=1,
    )
    run = Doubler()

    outputs = batcher.run("kind", run, rows(*range(10)))

    assert outputs["y"].ravel().tolist() == [2.0 * value for value in range(10)]
    assert run.sizes == [4, 4, 2]


@pytest.mark.parametrize(
    "inputs, message",
    [
        (
            {"x": np.zeros((5, 1))},
            "Task size 5 is larger than maximum input batch size 4",
        ),
        (
            {"x": np.zeros((2, 1)), "z": np.zeros((3, 1))},
            "Batching Run() input tensors must have equal 0th-dimension size",
        ),
        (
            {"x": np.float32(1.0)},
            "Batching Run() input tensors must have at least one dimension",
        ),
    ],
)
def test_refused(make_batcher, inputs, message):
    """Inputs that cannot be merged are INVALID_ARGUMENT and never run."""
    run = Doubler()

    with pytest.raises(ServingError) as caught:
        make_batcher(max_batch_size=4).run("kind", run, inputs)

    assert caught.value.code is StatusCode.INVALID_ARGUMENT
    assert caught.value.message == message
    assert run.sizes == []


def test_allowed_sizes(make_batcher):
    """A run has an allowed size; nobody sees the rows that fill it up."""
    batcher = make_batcher(max_batch_size=8, allowed_batch_sizes=(2, 4, 8))
    run = Doubler()

    outputs = batcher.run("kind", run, rows(7, 8, 9))

    assert run.sizes == [4]
    assert outputs["y"].ravel().tolist() == [14.0, 16.0, 18.0]


def test_no_rows(make_batcher):
    """A call without rows is run as it is."""
    batcher = make_batcher(max_batch_size=8, allowed_batch_sizes=(2, 8))

    assert batcher.run("kind", Doubler(), rows())["y"].shape == (0, 1)
