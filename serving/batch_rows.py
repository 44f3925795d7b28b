"""One run for several callers' rows: merge, run, split; a bad caller fails alone."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from grpc import StatusCode
from numpy.typing import NDArray

from serving.errors import ServingError, failed_precondition

Arrays = Mapping[str, NDArray[Any]]
Run = Callable[[Arrays, float | None], Arrays]
Outcome = Arrays | ServingError

# Errors of the moment, not of somebody's rows: running members alone would not help.
_HITS_ALL = frozenset(
    {StatusCode.DEADLINE_EXCEEDED, StatusCode.CANCELLED, StatusCode.UNAVAILABLE}
)


@dataclass(frozen=True)
class Task:
    """One caller's arrays; deadline in seconds of the batcher's clock, None: no end."""

    inputs: Arrays
    rows: int
    deadline: float | None

    def split(self, limit: int) -> tuple[Task, ...]:
        """The same rows in order, in tasks of at most limit rows."""
        if self.rows <= limit:
            return (self,)
        cuts = [
            slice(start, min(start + limit, self.rows))
            for start in range(0, self.rows, limit)
        ]
        return tuple(
            Task(
                {name: array[cut] for name, array in self.inputs.items()},
                cut.stop - cut.start,
                self.deadline,
            )
            for cut in cuts
        )


def join_shares(shares: Sequence[Arrays]) -> Arrays:
    """The outputs of a call that was split, in one piece again."""
    if len(shares) == 1:
        return shares[0]
    return {
        name: np.concatenate([share[name] for share in shares]) for name in shares[0]
    }


def too_late() -> ServingError:
    """The answer to a caller whose time is over."""
    return ServingError(
        StatusCode.DEADLINE_EXCEEDED, "Timed out waiting in the batching queue"
    )


def run_tasks(
    tasks: Sequence[Task], run: Run, padded_rows: int, now: float
) -> list[Outcome]:
    """Run the tasks as one; the outcome of each, in their order.

    Tasks whose deadline is over are left out. If the merged run fails, each task is
    run alone, so that only those whose rows are at fault get the error.

    Args:
        tasks: Calls with inputs of equal names, dtypes and shapes beyond dimension 0.
        run: (inputs, timeout in seconds) -> outputs.
        padded_rows: Rows of the merged run; above the tasks' sum, rows are repeated.
        now: The time of the clock that the deadlines follow.
    """
    is_alive = [task.deadline is None or task.deadline > now for task in tasks]
    alive = [task for task, is_in_time in zip(tasks, is_alive) if is_in_time]
    outcomes = iter(_run_alive(alive, run, padded_rows, now) if alive else ())
    return [next(outcomes) if is_in_time else too_late() for is_in_time in is_alive]


def _run_alive(
    tasks: Sequence[Task], run: Run, padded_rows: int, now: float
) -> list[Outcome]:
    try:
        return list(_run_merged(tasks, run, padded_rows, now))
    except ServingError as error:
        if len(tasks) == 1 or error.code in _HITS_ALL:
            return [error] * len(tasks)
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
    if padding:
        arrays = [*arrays, np.repeat(arrays[-1][:1], padding, axis=0)]
    return arrays[0] if len(arrays) == 1 else np.concatenate(arrays)


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
