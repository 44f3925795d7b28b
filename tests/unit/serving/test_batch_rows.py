"""One run for several callers: merging, filling up, splitting, whose fault it is."""

from __future__ import annotations

import numpy as np
import pytest
from grpc import StatusCode

from serving.batch_rows import Task, run_tasks
from serving.errors import ServingError


def task(*values, deadline=None):
    """A caller with one float column as the input x."""
    array = np.array(values, np.float32).reshape(-1, 1)
    return Task({"x": array}, len(values), deadline)


def test_filling_rows():
    """The last caller's first row fills the run up."""
    seen = []

    def run(inputs, _):
        seen.extend(inputs["x"].ravel().tolist())
        return {"y": inputs["x"]}

    outcomes = run_tasks([task(1), task(2, 3)], run, padded_rows=6, now=0.0)

    assert seen == [1.0, 2.0, 3.0, 2.0, 2.0, 2.0]
    assert [outcome["y"].ravel().tolist() for outcome in outcomes] == [
        [1.0],
        [2.0, 3.0],
    ]


def test_late_member():
    """A caller whose deadline is over is left out; the others are not delayed."""
    sizes = []

    def run(inputs, _):
        sizes.append(len(inputs["x"]))
        return {"y": inputs["x"]}

    late, alive = run_tasks(
        [task(1, deadline=9.0), task(2, deadline=11.0)], run, padded_rows=2, now=10.0
    )

    assert late.code is StatusCode.RESOURCE_EXHAUSTED
    assert alive["y"].tolist() == [[2.0]]
    assert sizes == [2]


@pytest.mark.parametrize(
    "deadlines, expected", [((12.0, 15.0), 5.0), ((12.0, None), None)]
)
def test_timeout(deadlines, expected):
    """A run goes on as long as one of its callers waits."""
    seen = []

    def run(inputs, timeout_seconds):
        seen.append(timeout_seconds)
        return {"y": inputs["x"]}

    run_tasks([task(1, deadline=end) for end in deadlines], run, 2, now=10.0)

    assert seen == [expected]


@pytest.mark.parametrize(
    "output, message",
    [
        (np.float32(1), "Batched output tensor has 0 dimensions"),
        (
            np.zeros((3, 1)),
            "Batched output tensor's 0th dimension does not equal the sum of the 0th "
            "dimension sizes of the input tensors",
        ),
    ],
)
def test_output_without_rows(output, message):
    """An output that has no row per input row cannot be given to its callers."""
    outcomes = run_tasks([task(1, 2)], lambda *_: {"y": np.asarray(output)}, 2, now=0.0)

    assert [outcome.code for outcome in outcomes] == [StatusCode.FAILED_PRECONDITION]
    assert outcomes[0].message == message


def test_shared_trouble():
    """An error of the moment hits all; nobody is run again for it."""
    runs = []

    def run(inputs, _):
        runs.append(len(inputs["x"]))
        raise ServingError(StatusCode.DEADLINE_EXCEEDED, "too slow")

    outcomes = run_tasks([task(1), task(2)], run, 2, now=0.0)

    assert [outcome.message for outcome in outcomes] == ["too slow", "too slow"]
    assert runs == [2]


@pytest.mark.parametrize(
    "dtype, first, second, expected",
    [
        (np.float32, [[5, 6, 7]], [[1], [2]], [[5, 6, 7], [1, 1, 1], [2, 1, 1]]),
        (np.object_, [[b"a", b"b"]], [[b"c"]], [[b"a", b"b"], [b"c", b"c"]]),
    ],
)
def test_widening(dtype, first, second, expected):
    """Shorter rows are filled up with the first element their caller sent."""
    tasks = [
        Task({"x": np.array(values, dtype)}, len(values), None)
        for values in (first, second)
    ]

    outcomes = run_tasks(tasks, lambda inputs, _: {"y": inputs["x"]}, 0, now=0.0)

    assert [row for share in outcomes for row in share["y"].tolist()] == expected


def test_widening_both_ways():
    """Each side grows to the longest of its own, whoever has it."""
    tasks = [
        Task({"x": np.full(shape, value, np.int32)}, 1, None)
        for value, shape in ((1, (1, 2, 1)), (2, (1, 1, 3)))
    ]

    outcomes = run_tasks(tasks, lambda inputs, _: {"y": inputs["x"]}, 2, now=0.0)

    assert [share["y"].tolist() for share in outcomes] == [
        [[[1, 1, 1], [1, 1, 1]]],
        [[[2, 2, 2], [2, 2, 2]]],
    ]


def test_widening_nothing():
    """Rows without elements have nothing to be filled with: they are run alone."""
    tasks = [
        Task({"x": np.zeros(shape, np.float32)}, 1, None) for shape in ((1, 2), (1, 0))
    ]

    outcomes = run_tasks(tasks, lambda inputs, _: {"y": inputs["x"]}, 2, now=0.0)

    assert [share["y"].shape for share in outcomes] == [(1, 2), (1, 0)]
