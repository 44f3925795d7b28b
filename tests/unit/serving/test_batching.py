"""The batcher: what is merged, who gets which rows, who gets which error."""

from __future__ import annotations

from concurrent.futures import FIRST_COMPLETED, wait

import numpy as np
import pytest
from grpc import StatusCode

from tests.unit.serving.batch_fakes import FOREVER_MICROS, Gate
from tests.unit.serving.fakes import Doubler, rows


def test_lone_caller(make_batcher):
    """A caller alone does not wait for company."""
    run = Doubler()

    outputs = make_batcher().for_model().run("kind", run, rows(1, 2))

    assert outputs["y"].tolist() == [[2.0], [4.0]]
    assert run.sizes == [2]


def test_merge(make_batcher, callers):
    """Concurrent calls are one run, and each caller gets its own rows."""
    batcher = make_batcher(
        max_batch_size=8, batch_timeout_micros=FOREVER_MICROS
    ).for_model()
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
    ).for_model()
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
    batcher = make_batcher(
        max_batch_size=2, batch_timeout_micros=FOREVER_MICROS
    ).for_model()
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
    batcher = make_batcher(
        max_batch_size=3, batch_timeout_micros=FOREVER_MICROS
    ).for_model()
    run = Doubler()

    calls = [callers.submit(batcher.run, "kind", run, rows(v)) for v in (1, -1, 3)]

    assert calls[0].result(30)["y"].item() == 2.0
    assert calls[1].exception(30).message == "negative row"
    assert calls[2].result(30)["y"].item() == 6.0
    assert run.sizes == [3, 1, 1, 1]


def test_bug_reaches_callers(make_batcher):
    """What is no ServingError comes out at the caller, and the threads live on."""
    batcher = make_batcher(num_batch_threads=1).for_model()

    def broken(inputs, timeout_seconds):
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        batcher.run("kind", broken, rows(1))

    assert batcher.run("kind", Doubler(), rows(1))["y"].item() == 2.0


def test_time_left(make_batcher):
    """The run is told how much time is left."""
    run = Doubler()

    make_batcher().for_model().run("kind", run, rows(1), timeout_seconds=30)

    assert 0 < run.timeouts[0] <= 30
