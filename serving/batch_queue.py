"""The calls of one kind that wait: which of them form a batch, and when it is due.

Owns no thread and no lock; batching.py calls it under its own.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Hashable
from dataclasses import dataclass, field
from operator import itemgetter

from grpc import StatusCode

from serving.batch_rows import Arrays, Outcome, Run, Task
from serving.errors import ServingError


@dataclass(frozen=True, kw_only=True)
class BatchingParameters:
    """TensorFlow Serving's BatchingParameters, with its defaults; sizes in rows."""

    max_batch_size: int = 1000
    batch_timeout_micros: int = 0
    max_enqueued_batches: int = 10
    num_batch_threads: int = os.cpu_count() or 1
    thread_pool_name: str = "batch_threads"
    allowed_batch_sizes: tuple[int, ...] = ()
    pad_variable_length_inputs: bool = False
    enable_large_batch_splitting: bool = False
    max_execution_batch_size: int | None = None

    @property
    def rows_per_run(self) -> int:
        """The most rows one run takes; calls have more only where they are split."""
        if self.enable_large_batch_splitting and self.max_execution_batch_size:
            return self.max_execution_batch_size
        return self.max_batch_size

    def starts_at_once(self, rows: int) -> bool:
        """Whether a call of so many rows waits for no others and is one run."""
        return self.batch_timeout_micros <= 0 and rows <= self.rows_per_run

    def shapes_to_match(self, inputs: Arrays) -> Hashable:
        """What must be equal in one batch; with padding, ranks instead of sides."""
        return tuple(
            (
                name,
                array.dtype,
                array.ndim if self.pad_variable_length_inputs else array.shape[1:],
            )
            for name, array in sorted(inputs.items(), key=itemgetter(0))
        )

    def padded_size(self, rows: int) -> int:
        """The smallest allowed size that holds the rows; none stays none."""
        sizes = self.allowed_batch_sizes if rows else ()
        return next((size for size in sizes if size >= rows), rows)


class Place:
    """Where one task waits for its outcome; filled once, by the thread that runs it."""

    def __init__(self, task: Task, batch: Batch) -> None:
        self.task = task
        self.batch = batch
        self._outcome: Outcome | BaseException | None = None
        # A bare lock wakes one waiter for a tenth of what an Event or a Future costs.
        self._is_filled = threading.Lock()
        # pylint: disable-next=consider-using-with  # released by another thread
        self._is_filled.acquire()

    def fill(self, outcome: Outcome | BaseException) -> None:
        """Give the outcome and wake the caller."""
        self._outcome = outcome
        self._is_filled.release()

    def wait(self, timeout: float | None = None) -> Arrays:
        """The task's rows of the outputs.

        Args:
            timeout: In seconds; None waits without end.

        Raises:
            TimeoutError: They are not there in time.
            ServingError: What the run said of these rows.
        """
        # pylint: disable-next=consider-using-with  # it tells whether, and holds nothing
        if not self._is_filled.acquire(timeout=-1 if timeout is None else timeout):
            raise TimeoutError
        self._is_filled.release()
        if isinstance(self._outcome, ServingError):
            raise self._outcome.renewed()
        if isinstance(self._outcome, BaseException):
            raise self._outcome
        assert self._outcome is not None
        return self._outcome


@dataclass
class Batch:
    """Tasks of one kind; open to more until it is taken or closed."""

    run: Run
    parameters: BatchingParameters
    opened_at: float
    places: list[Place] = field(default_factory=list)
    rows: int = 0
    is_closed: bool = False
    is_taken: bool = False

    @property
    def due_at(self) -> float:
        """When a free thread may take it, in seconds of the batcher's clock."""
        if self.is_closed:
            return self.opened_at
        return self.opened_at + self.parameters.batch_timeout_micros / 1e6

    def let_go(self) -> None:
        """Forget the places, once they are filled: they and this know each other, and
        would keep their arrays until the collector comes.
        """
        self.places.clear()


class BatchQueue:
    """Batches in the order they were opened.

    One batch is open for each set of shapes, so that callers who could not be merged
    do not meet; all of them count against max_enqueued_batches.
    """

    def __init__(self, parameters: BatchingParameters) -> None:
        self._parameters = parameters
        self._waiting: list[Batch] = []
        self._open: dict[Hashable, Batch] = {}

    @property
    def is_empty(self) -> bool:
        """Nothing waits."""
        return not self._waiting

    @property
    def due_at(self) -> float:
        """When the first batch is due; there must be one."""
        return min(batch.due_at for batch in self._waiting)

    def add(self, task: Task, run: Run, shapes: Hashable) -> list[Place]:
        """Put a task into the open batch of its shapes, and into new ones.

        Raises:
            ServingError: UNAVAILABLE; it is full, and nothing of the task was added.
        """
        limit = self._parameters.rows_per_run
        batch = self._open.get(shapes)
        room = limit - batch.rows if batch else 0
        pieces, opened = (task,), int(batch is None or task.rows > room)
        if opened and self._parameters.enable_large_batch_splitting:
            pieces = task.split(min(room, task.rows), limit) or pieces
            opened = len(pieces) - (room > 0)
        self._check_space(opened)
        return [self._place(piece, run, shapes) for piece in pieces]

    def take(self, now: float) -> Batch | None:
        """The first batch that is due, closed to others; None: none is."""
        for position, batch in enumerate(self._waiting):
            if batch.due_at <= now:
                del self._waiting[position]
                for shapes, candidate in [*self._open.items()]:
                    if candidate is batch:
                        del self._open[shapes]
                batch.is_taken = True
                return batch
        return None

    def clear(self) -> list[Batch]:
        """Forget all that waits and return it."""
        dropped, self._waiting = self._waiting, []
        self._open.clear()
        return dropped

    def _check_space(self, opened: int) -> None:
        count, limit = len(self._waiting), self._parameters.max_enqueued_batches
        if opened and count + opened > limit:
            raise ServingError(
                StatusCode.UNAVAILABLE,
                "The batch scheduling queue to which this task was submitted is full; "
                f"currently {count} batches enqueued and max_enqueued_batches is "
                f"{limit}",
            )

    def _place(self, task: Task, run: Run, shapes: Hashable) -> Place:
        limit = self._parameters.rows_per_run
        batch = self._open.get(shapes)
        if batch is None or batch.rows + task.rows > limit:
            if batch is not None:
                batch.is_closed = True
            batch = Batch(run, self._parameters, task.enqueued_at)
            self._open[shapes] = batch
            self._waiting.append(batch)
        place = Place(task, batch)
        batch.places.append(place)
        batch.rows += task.rows
        if batch.rows >= limit:
            batch.is_closed = True
            del self._open[shapes]
        return place
