"""One run for several callers' rows: merge, run, split; a bad caller fails alone."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from grpc import StatusCode
from numpy.typing import NDArray

from serving.errors import ServingError, failed_precondition, invalid_argument

Arrays = Mapping[str, NDArray[Any]]
Run = Callable[[Arrays, float | None], Arrays]
Outcome = Arrays | ServingError

# Errors of the moment, not of somebody's rows: running members alone would not help.
_HITS_ALL = frozenset(
    {StatusCode.DEADLINE_EXCEEDED, StatusCode.CANCELLED, StatusCode.UNAVAILABLE}
)


@dataclass(frozen=True)
class Task:
    """One caller's arrays, or a piece of them.

    deadline and enqueued_at are seconds of the batcher's clock; a deadline of None is
    no end. call_rows: rows of the whole call in its first piece, None in the others.
    """

    inputs: Arrays
    rows: int
    deadline: float | None
    enqueued_at: float = 0.0
    call_rows: int | None = None

    def split(self, first: int, limit: int) -> tuple[Task, ...]:
        """The same rows in order, in pieces: first rows, then at most limit each.

        No first piece is made where first is 0.
        """
        starts = [*range(first, self.rows, limit)]
        edges = [0] * (first > 0) + starts + [self.rows]
        cuts = [slice(start, end) for start, end in zip(edges, edges[1:])]
        return tuple(
            Task(
                {name: array[cut] for name, array in self.inputs.items()},
                cut.stop - cut.start,
                self.deadline,
                self.enqueued_at,
                self.call_rows if cut.start == 0 else None,
            )
            for cut in cuts
        )


@dataclass(frozen=True, kw_only=True)
class BatchRun:
    """What a merged run was, for the metrics.

    queuing_seconds: one for each of its tasks (a call, or a piece of one that was
    split). input_rows: the rows of each call, whole, that begins in this run. rows:
    what the run took, with the padding; padding: rows that nobody sent.
    """

    queuing_seconds: tuple[float, ...]
    input_rows: tuple[int, ...]
    rows: int
    padding: int


def count_rows(inputs: Arrays, limit: int) -> int:
    """The rows of one call, which all of its inputs must have.

    Raises:
        ServingError: INVALID_ARGUMENT; an input without rows, inputs with different
            numbers of them, or more than the limit.
    """
    if any(array.ndim == 0 for array in inputs.values()):
        raise invalid_argument(
            "Batching Run() input tensors must have at least one dimension"
        )
    counts = {len(array) for array in inputs.values()}
    if len(counts) != 1:
        raise invalid_argument(
            "Batching Run() input tensors must have equal 0th-dimension size"
        )
    rows = counts.pop()
    if rows > limit:
        raise invalid_argument(
            f"Task size {rows} is larger than maximum input batch size {limit}"
        )
    return rows


def describe_run(tasks: Sequence[Task], padded_rows: int, now: float) -> BatchRun:
    """What is told of tasks that now are run as one."""
    return BatchRun(
        queuing_seconds=tuple(now - task.enqueued_at for task in tasks),
        input_rows=tuple(
            task.call_rows for task in tasks if task.call_rows is not None
        ),
        rows=padded_rows,
        padding=padded_rows - sum(task.rows for task in tasks),
    )


def join_shares(shares: Sequence[Arrays]) -> Arrays:
    """The outputs of a call that was split, in one piece again.

    Raises:
        ServingError: FAILED_PRECONDITION; padding gave its pieces different shapes.
    """
    if len(shares) == 1:
        return shares[0]
    try:
        return {
            name: np.concatenate([share[name] for share in shares])
            for name in shares[0]
        }
    except ValueError as error:
        raise failed_precondition(
            f"the pieces of a split call do not fit together: {error}"
        ) from error


def waited_too_long() -> ServingError:
    """The answer to a caller whose time was over before its rows were run."""
    return ServingError(
        StatusCode.RESOURCE_EXHAUSTED,
        "Run() timeout exceeded while waiting in batching queue",
    )


def run_too_long() -> ServingError:
    """The answer to a caller whose time was over while its rows were run."""
    return ServingError(
        StatusCode.DEADLINE_EXCEEDED, "Timed out waiting for notification"
    )


def run_tasks(
    tasks: Sequence[Task], run: Run, padded_rows: int, now: float
) -> list[Outcome]:
    """Run the tasks as one; the outcome of each, in their order.

    Tasks whose deadline is over keep their rows, but nobody waits for them; where all
    are, nothing is run. If the merged run fails, each task is run alone, so that only
    those whose rows are at fault get the error.

    Args:
        tasks: Calls with inputs of equal names, dtypes and ranks. Where shapes beyond
            dimension 0 differ, each is filled up with its own first element.
        run: (inputs, timeout in seconds) -> outputs.
        padded_rows: Rows of the merged run; above the tasks' sum, rows are repeated.
        now: The time of the clock that the deadlines follow.
    """
    is_alive = [task.deadline is None or task.deadline > now for task in tasks]
    alive = [task for task, is_in_time in zip(tasks, is_alive) if is_in_time]
    outcomes = iter(_run_alive(alive, run, padded_rows, now) if alive else ())
    return [
        next(outcomes) if is_in_time else waited_too_long() for is_in_time in is_alive
    ]


def _run_alive(
    tasks: Sequence[Task], run: Run, padded_rows: int, now: float
) -> list[Outcome]:
    try:
        return list(_run_merged(tasks, run, padded_rows, now))
    except ServingError as error:
        if len(tasks) == 1 or error.code in _HITS_ALL:
            return [error.renewed() for _ in tasks]
    return [_run_alive([task], run, task.rows, now)[0] for task in tasks]


def _run_merged(
    tasks: Sequence[Task], run: Run, padded_rows: int, now: float
) -> list[Arrays]:
    rows = sum(task.rows for task in tasks)
    padding = max(0, padded_rows - rows)
    inputs = {
        name: _merge([task.inputs[name] for task in tasks], padding)
        for name in tasks[0].inputs
    }
    deadlines = [task.deadline for task in tasks]
    # As long as one caller waits the run is worth finishing.
    timeout = None if None in deadlines else max(deadlines) - now
    outputs = run(inputs, timeout)
    _check_rows(outputs, rows + padding)
    return _split(outputs, tasks)


def _merge(arrays: Sequence[NDArray[Any]], padding: int) -> NDArray[Any]:
    """All rows in one array; the last caller's first row fills up."""
    if len({array.shape[1:] for array in arrays}) > 1:
        sides = tuple(map(max, zip(*(array.shape[1:] for array in arrays))))
        arrays = [_widen(array, sides) for array in arrays]
    if padding:
        arrays = [*arrays, np.repeat(arrays[-1][:1], padding, axis=0)]
    return arrays[0] if len(arrays) == 1 else np.concatenate(arrays)


def _widen(array: NDArray[Any], sides: tuple[int, ...]) -> NDArray[Any]:
    """The rows with these sides, their own first element at the ends.

    Source: pad_variable_length_inputs in TensorFlow Serving's batching_options.h.
    """
    if array.shape[1:] == sides:
        return array
    if not array.size:
        raise invalid_argument("Got empty tensor in batch of non-empty tensors.")
    wide = np.full((len(array), *sides), array.flat[0], array.dtype)
    wide[tuple(slice(side) for side in array.shape)] = array
    return wide


def _check_rows(outputs: Arrays, rows: int) -> None:
    for array in outputs.values():
        if array.ndim == 0:
            raise failed_precondition("Batched output tensor has 0 dimensions")
        if len(array) != rows:
            raise failed_precondition(
                "Batched output tensor's 0th dimension does not equal the sum of the "
                "0th dimension sizes of the input tensors"
            )


def _split(outputs: Arrays, tasks: Sequence[Task]) -> list[Arrays]:
    """Each task's own rows, as views."""
    shares, start = [], 0
    for task in tasks:
        rows = slice(start, start + task.rows)
        shares.append({name: array[rows] for name, array in outputs.items()})
        start = rows.stop
    return shares
