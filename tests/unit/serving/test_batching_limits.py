"""How large a batch may be: split, filled up, refused."""

from __future__ import annotations

import numpy as np
import pytest
from grpc import StatusCode

from serving.errors import ServingError
from tests.unit.serving.batch_fakes import FOREVER_MICROS
from tests.unit.serving.fakes import Doubler, rows


def test_split(make_batcher):
    """A call above the size of one run is split and comes back in one piece."""
    batcher = make_batcher(
        max_batch_size=16,
        enable_large_batch_splitting=True,
        max_execution_batch_size=4,
        num_batch_threads=1,
    ).for_model()
    run = Doubler()

    outputs = batcher.run("kind", run, rows(*range(10)))

    assert outputs["y"].ravel().tolist() == [2.0 * value for value in range(10)]
    assert run.sizes == [4, 4, 2]


def test_split_fills(make_batcher, callers):
    """The first piece of a split call fills the batch that others opened."""
    batcher = make_batcher(
        max_batch_size=16,
        batch_timeout_micros=FOREVER_MICROS,
        enable_large_batch_splitting=True,
        max_execution_batch_size=4,
    ).for_model()
    run = Doubler()

    # 3 and 3 and 2 rows are 8 in any order, and 8 are two full runs.
    calls = [
        callers.submit(batcher.run, "kind", run, rows(*values))
        for values in ((1, 2, 3), (4, 5, 6), (7, 8))
    ]
    answers = [call.result(30)["y"].ravel().tolist() for call in calls]

    assert answers == [[2.0, 4.0, 6.0], [8.0, 10.0, 12.0], [14.0, 16.0]]
    assert run.sizes == [4, 4]


def test_split_beyond_space(make_batcher):
    """A call whose pieces do not all find space is refused whole: none is run."""
    batcher = make_batcher(
        max_batch_size=16,
        max_enqueued_batches=2,
        enable_large_batch_splitting=True,
        max_execution_batch_size=4,
    ).for_model()
    run = Doubler()

    with pytest.raises(ServingError) as caught:
        batcher.run("kind", run, rows(*range(9)))

    assert caught.value.code is StatusCode.UNAVAILABLE
    assert not run.sizes


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
        make_batcher(max_batch_size=4).for_model().run("kind", run, inputs)

    assert caught.value.code is StatusCode.INVALID_ARGUMENT
    assert caught.value.message == message
    assert not run.sizes


def test_allowed_sizes(make_batcher):
    """A run has an allowed size; nobody sees the rows that fill it up."""
    batcher = make_batcher(max_batch_size=8, allowed_batch_sizes=(2, 4, 8)).for_model()
    run = Doubler()

    outputs = batcher.run("kind", run, rows(7, 8, 9))

    assert run.sizes == [4]
    assert outputs["y"].ravel().tolist() == [14.0, 16.0, 18.0]


def test_no_rows(make_batcher):
    """A call without rows is run as it is."""
    batcher = make_batcher(max_batch_size=8, allowed_batch_sizes=(2, 8)).for_model()

    assert batcher.run("kind", Doubler(), rows())["y"].shape == (0, 1)
