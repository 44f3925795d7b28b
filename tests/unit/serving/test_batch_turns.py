"""Several models on one pool: turns, deadlines, what an unload leaves, what is told."""

from __future__ import annotations

import numpy as np
import pytest
from grpc import StatusCode

from serving.batch_queue import BatchingParameters
from serving.batch_rows import BatchRun, Task
from serving.errors import ServingError
from tests.unit.serving.batch_fakes import FOREVER_MICROS, Gate
from tests.unit.serving.fakes import Doubler, rows


class Scribe:
    """Gives the rows back and remembers them, run by run."""

    def __init__(self):
        self.lines = []

    def __call__(self, inputs, timeout_seconds):
        self.lines.append(inputs["x"].ravel().tolist())
        return {"y": inputs["x"]}


def enqueue(batcher, model, run, *values):
    """Put rows in without waiting for them; where they stand."""
    task = Task(rows(*values), len(values), None, call_rows=len(values))
    (place,) = batcher.enqueue((model, "kind"), task, run, "shapes")
    return place


@pytest.fixture(name="occupy")
def _occupy(callers):
    """A function that keeps the only thread of a batcher busy; returns its gate."""

    def occupy(batcher):
        gate = Gate()
        callers.submit(batcher.for_model().run, "gate", gate, rows(0))
        assert gate.has_begun.wait(30)
        return gate

    return occupy


def test_turns(make_batcher, occupy):
    """A model with many batches waiting lets another one's through after each."""
    batcher = make_batcher(max_batch_size=1, num_batch_threads=1)
    busy, quiet, scribe = batcher.for_model(), batcher.for_model(), Scribe()
    gate = occupy(batcher)

    waiting = [enqueue(batcher, busy, scribe, value) for value in (1, 2, 3)]
    waiting.append(enqueue(batcher, quiet, scribe, 4))
    gate.open()
    for place in waiting:
        place.wait(30)

    assert scribe.lines == [[1.0], [4.0], [2.0], [3.0]]


def test_late_in_queue(make_batcher, occupy):
    """Who waits in vain for a thread gets RESOURCE_EXHAUSTED; the rows are not run."""
    batcher = make_batcher(num_batch_threads=1)
    run, gate = Doubler(), occupy(batcher)

    with pytest.raises(ServingError) as caught:
        batcher.for_model().run("kind", run, rows(1), timeout_seconds=0.01)
    gate.open()
    batcher.stop()

    assert caught.value.code is StatusCode.RESOURCE_EXHAUSTED
    assert caught.value.message == (
        "Run() timeout exceeded while waiting in batching queue"
    )
    assert not run.sizes


def test_late_in_run(make_batcher):
    """Who waits in vain for a run that has begun gets DEADLINE_EXCEEDED."""
    gate = Gate()
    # A run in the caller's own thread would have to mind the time itself.
    model = make_batcher(batch_timeout_micros=1).for_model()

    with pytest.raises(ServingError) as caught:
        model.run("kind", gate, rows(1), timeout_seconds=1.0)
    gate.open()

    assert gate.has_begun.is_set()
    assert caught.value.code is StatusCode.DEADLINE_EXCEEDED


def test_two_models(make_batcher, callers):
    """Calls of two models never share a run, however equal they look."""
    batcher = make_batcher(max_batch_size=2, batch_timeout_micros=FOREVER_MICROS)
    models, scribe = (batcher.for_model(), batcher.for_model()), Scribe()

    # Twice each: only a twin can fill a batch of two.
    calls = [
        callers.submit(models[i % 2].run, "kind", scribe, rows(i % 2)) for i in range(4)
    ]
    answers = [call.result(30)["y"].item() for call in calls]

    assert answers == [0.0, 1.0, 0.0, 1.0]
    assert sorted(scribe.lines) == [[0.0, 0.0], [1.0, 1.0]]


def test_own_parameters(make_batcher):
    """A model's own parameters hold for it alone."""
    batcher = make_batcher(max_batch_size=2)
    small = batcher.for_model()
    large = batcher.for_model(BatchingParameters(max_batch_size=3))

    outputs = large.run("kind", Doubler(), rows(1, 2, 3))
    with pytest.raises(ServingError) as caught:
        small.run("kind", Doubler(), rows(1, 2, 3))

    assert outputs["y"].ravel().tolist() == [2.0, 4.0, 6.0]
    assert caught.value.code is StatusCode.INVALID_ARGUMENT


def test_close_waits(make_batcher, callers):
    """close() comes back after the run in progress, and drops what waits."""
    batcher = make_batcher(num_batch_threads=1)
    model, gate, run = batcher.for_model(), Gate(), Doubler()
    callers.submit(model.run, "gate", gate, rows(0))
    assert gate.has_begun.wait(30)
    dropped = enqueue(batcher, model, run, 1)

    closing = callers.submit(model.close)
    with pytest.raises(ServingError) as caught:
        dropped.wait(30)
    was_done = closing.done()
    gate.open()
    closing.result(30)

    assert not was_done
    assert caught.value.code is StatusCode.UNAVAILABLE
    assert not run.sizes


def test_close_leaves_others(make_batcher, occupy):
    """Closing one model drops no batch of another."""
    batcher = make_batcher(num_batch_threads=1)
    closed, other, run = batcher.for_model(), batcher.for_model(), Doubler()
    gate = occupy(batcher)
    enqueue(batcher, closed, run, 1)
    kept = enqueue(batcher, other, run, 2)

    closed.close()
    gate.open()

    assert kept.wait(30)["y"].item() == 4.0
    assert run.sizes == [1]


def test_stop_hurries(make_batcher):
    """stop() runs what is queued at once, whatever company it waits for."""
    batcher = make_batcher(max_batch_size=2, batch_timeout_micros=FOREVER_MICROS)
    place = enqueue(batcher, batcher.for_model(), Doubler(), 3)

    batcher.stop()

    assert place.wait(0)["y"].item() == 6.0


def test_nothing_kept(make_batcher):
    """After the last answer the batcher holds nothing of a kind or a model."""
    batcher = make_batcher(num_batch_threads=1)
    for number in range(50):
        model = batcher.for_model()
        model.run(f"kind {number}", Doubler(), rows(number))
        model.close()

    assert batcher.count_held() == 0


def test_variable_lengths(make_batcher, callers):
    """With padding, rows of different lengths share a run and come back wide."""
    batcher = make_batcher(
        max_batch_size=2,
        batch_timeout_micros=FOREVER_MICROS,
        pad_variable_length_inputs=True,
    ).for_model()
    run = Doubler()

    calls = [
        callers.submit(batcher.run, "kind", run, {"x": np.float32([values])})
        for values in ((1, 2, 3), (4,))
    ]
    answers = [call.result(30)["y"].tolist() for call in calls]

    assert answers == [[[2.0, 4.0, 6.0]], [[8.0, 8.0, 8.0]]]
    assert run.sizes == [2]


def test_told(make_batcher, occupy):
    """One line for each merged run: calls whole, pieces apart, rows with padding."""
    told = []
    batcher = make_batcher(
        told.append,
        num_batch_threads=1,
        max_batch_size=8,
        enable_large_batch_splitting=True,
        max_execution_batch_size=4,
        allowed_batch_sizes=(3, 4, 8),
    )
    gate, model = occupy(batcher), batcher.for_model()

    outcomes = [
        batcher.enqueue(
            (model, "kind"),
            Task(rows(*values), len(values), None, 0.0, len(values)),
            Doubler(),
            "shapes",
        )
        for values in ((1, 2), (3, 4, 5))
    ]
    gate.open()
    for place in (place for places in outcomes for place in places):
        place.wait(30)

    assert [(run.input_rows, run.rows, run.padding) for run in told[1:]] == [
        ((2, 3), 4, 0),
        ((), 3, 2),
    ]
    assert [len(run.queuing_seconds) for run in told[1:]] == [2, 1]


def test_told_seconds(make_batcher):
    """The seconds in the queue are those of the batcher's clock."""
    told = []
    make_batcher(told.append).for_model().run("kind", Doubler(), rows(1))

    (seconds,) = told[0].queuing_seconds
    assert told == [
        BatchRun(queuing_seconds=(seconds,), input_rows=(1,), rows=1, padding=0)
    ]
    assert 0 <= seconds < 30
