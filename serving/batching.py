"""Merges concurrent calls into one run and hands each caller its own rows.

One queue per kind of call; a batch collects until a thread is free for it. What a run
does to rows is in batch_rows.py.
"""

from __future__ import annotations

import os
import threading
import time
from collections import Counter
from collections.abc import Callable, Hashable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field

from grpc import StatusCode

from serving.batch_rows import (
    Arrays,
    Outcome,
    Run,
    Task,
    join_shares,
    run_tasks,
    too_late,
)
from serving.errors import ServingError, invalid_argument


@dataclass(frozen=True, kw_only=True)
class BatchingParameters:
    """TensorFlow Serving's BatchingParameters, with its defaults; sizes in rows."""

    max_batch_size: int = 1000
    batch_timeout_micros: int = 0
    max_enqueued_batches: int = 10
    num_batch_threads: int = os.cpu_count() or 1
    allowed_batch_sizes: tuple[int, ...] = ()
    enable_large_batch_splitting: bool = False
    max_execution_batch_size: int | None = None

    @property
    def rows_per_run(self) -> int:
        """The most rows one run takes; calls have more only where they are split."""
        if self.enable_large_batch_splitting and self.max_execution_batch_size:
            return self.max_execution_batch_size
        return self.max_batch_size

    def padded_size(self, rows: int) -> int:
        """The smallest allowed size that holds the rows; none stays none."""
        sizes = self.allowed_batch_sizes if rows else ()
        return next((size for size in sizes if size >= rows), rows)


@dataclass
class _Batch:
    """Tasks of one kind; open to more until it is taken or full."""

    key: Hashable
    run: Run
    opened_at: float
    tasks: list[Task] = field(default_factory=list)
    rows: int = 0
    is_full: threading.Event = field(default_factory=threading.Event)
    outcomes: Future[list[Outcome]] = field(init=False)


class Batcher:
    """One pool of threads for all models; run() blocks its caller."""

    def __init__(
        self,
        parameters: BatchingParameters,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.parameters = parameters
        self._clock = clock
        self._timeout_seconds = parameters.batch_timeout_micros / 1e6
        self._lock = threading.Lock()
        self._open: dict[Hashable, _Batch] = {}
        self._enqueued: Counter[Hashable] = Counter()
        self._threads = ThreadPoolExecutor(
            parameters.num_batch_threads, thread_name_prefix="batch"
        )

    def run(
        self,
        kind: Hashable,
        run: Run,
        inputs: Arrays,
        timeout_seconds: float | None = None,
    ) -> Arrays:
        """Compute the inputs' outputs, together with other callers' where possible.

        Args:
            kind: Equal for calls that may share a run: same version, same outputs.
            run: (inputs, timeout in seconds) -> outputs; rows in, rows out.
            inputs: Arrays with the same number of rows in dimension 0.
            timeout_seconds: The caller gives up after that.

        Returns:
            The outputs for exactly these rows.

        Raises:
            ServingError: INVALID_ARGUMENT for inputs without rows or too many of them,
                UNAVAILABLE when the queue is full, DEADLINE_EXCEEDED, or what run
                raised for these rows.
        """
        rows = self._count_rows(inputs)
        deadline = None
        if timeout_seconds is not None:
            deadline = self._clock() + timeout_seconds
        shapes = tuple(
            (name, array.dtype, array.shape[1:]) for name, array in inputs.items()
        )
        task = Task(inputs, rows, deadline)
        joined = [
            self._join((kind, shapes), run, part)
            for part in task.split(self.parameters.rows_per_run)
        ]
        return join_shares([self._wait(batch, i, deadline) for batch, i in joined])

    def _wait(self, batch: _Batch, index: int, deadline: float | None) -> Arrays:
        """The share of one task, once its batch has run."""
        timeout = None if deadline is None else max(0.0, deadline - self._clock())
        try:
            outcome = batch.outcomes.result(timeout)[index]
        except TimeoutError as error:
            raise too_late() from error
        if isinstance(outcome, ServingError):
            raise outcome
        return outcome

    def stop(self) -> None:
        """Finish what is queued and end the threads."""
        self._threads.shutdown()

    def _count_rows(self, inputs: Arrays) -> int:
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
        if rows > self.parameters.max_batch_size:
            raise invalid_argument(
                f"Task size {rows} is larger than maximum input batch size "
                f"{self.parameters.max_batch_size}"
            )
        return rows

    def _join(self, key: Hashable, run: Run, task: Task) -> tuple[_Batch, int]:
        """Add the task to the open batch of its kind, or open one."""
        limit = self.parameters.rows_per_run
        with self._lock:
            batch = self._open.get(key)
            if batch is None or batch.rows + task.rows > limit:
                batch = self._open_batch(key, run)
            batch.tasks.append(task)
            batch.rows += task.rows
            index = len(batch.tasks) - 1
            if batch.rows == limit:
                self._close_batch(batch)
        return batch, index

    def _open_batch(self, key: Hashable, run: Run) -> _Batch:
        """Called under the lock; a batch that was open for this kind is closed."""
        if self._enqueued[key] >= self.parameters.max_enqueued_batches:
            raise ServingError(
                StatusCode.UNAVAILABLE,
                "The batch scheduling queue to which this task was submitted is full; "
                f"currently {self._enqueued[key]} batches enqueued and "
                f"max_enqueued_batches is {self.parameters.max_enqueued_batches}",
            )
        if key in self._open:
            self._close_batch(self._open[key])
        batch = _Batch(key, run, self._clock())
        self._open[key] = batch
        self._enqueued[key] += 1
        batch.outcomes = self._threads.submit(self._run_batch, batch)
        return batch

    def _close_batch(self, batch: _Batch) -> None:
        """Called under the lock."""
        if self._open.get(batch.key) is batch:
            del self._open[batch.key]
        batch.is_full.set()

    def _run_batch(self, batch: _Batch) -> list[Outcome]:
        """Wait out the batch's time, close it and run it; in a thread of the pool."""
        remaining = batch.opened_at + self._timeout_seconds - self._clock()
        if remaining > 0:
            batch.is_full.wait(remaining)
        with self._lock:
            self._close_batch(batch)
            self._enqueued[batch.key] -= 1
            if not self._enqueued[batch.key]:
                del self._enqueued[batch.key]
        padded_rows = self.parameters.padded_size(batch.rows)
        return run_tasks(batch.tasks, batch.run, padded_rows, self._clock())
