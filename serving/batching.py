"""Merges concurrent calls into one run and hands each caller its own rows.

Owns the threads all models share and whose turn it is. How calls form batches is in
batch_queue.py, what a run does to rows in batch_rows.py.
"""

from __future__ import annotations

import math
import threading
import time
from collections import Counter
from collections.abc import Callable, Hashable, Sequence
from operator import itemgetter

from grpc import StatusCode

from serving.batch_queue import Batch, BatchingParameters, BatchQueue, Place
from serving.batch_rows import (
    Arrays,
    BatchRun,
    Outcome,
    Run,
    Task,
    describe_run,
    join_shares,
    run_tasks,
    run_too_long,
    waited_too_long,
)
from serving.errors import ServingError, invalid_argument

_Key = tuple["ModelBatcher", Hashable]


def ignore_run(run: BatchRun) -> None:
    """Note nothing; what is done when nobody asked for more."""
    del run


class Batcher:
    """One pool of threads for all models, whose queues take turns.

    note_run is called in a thread of the pool right before each merged run; clock
    gives seconds.
    """

    def __init__(
        self,
        parameters: BatchingParameters,
        note_run: Callable[[BatchRun], None] = ignore_run,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.parameters = parameters
        self.clock = clock
        self._note_run = note_run
        lock = threading.Lock()
        self._has_work = threading.Condition(lock)
        self._has_finished = threading.Condition(lock)
        # Those that are not empty; whose turn is next comes first.
        self._queues: dict[_Key, BatchQueue] = {}
        self._running: Counter[ModelBatcher] = Counter()
        self._is_stopping = False
        self._threads: list[threading.Thread] = []

    def for_model(self, parameters: BatchingParameters | None = None) -> ModelBatcher:
        """The queues of one loaded version; its own parameters, or everybody's."""
        return ModelBatcher(self, parameters or self.parameters)

    def stop(self) -> None:
        """Finish what is queued, without waiting for company, and end the threads."""
        with self._has_work:
            self._is_stopping = True
            self._has_work.notify_all()
        for thread in self._threads:
            thread.join()

    def enqueue(
        self, key: _Key, task: Task, run: Run, shapes: Hashable
    ) -> tuple[Place, ...]:
        """Put a task where it is merged; ModelBatcher.run is how it is called.

        Raises:
            ServingError: UNAVAILABLE; the queue is full, or stop() was called.
        """
        with self._has_work:
            if self._is_stopping:
                raise _gone()
            queue = self._queues.get(key) or BatchQueue(key[0].parameters)
            places = queue.add(task, run, shapes)
            self._queues[key] = queue
            for place in places:
                # Others joined a batch that a thread knows of.
                if place is place.batch.places[0] or place.batch.is_closed:
                    self._has_work.notify()
            if len(self._threads) < self.parameters.num_batch_threads:
                self._start_thread()
        return places

    def forget(self, model: ModelBatcher) -> None:
        """Drop what waits for this model and return once nothing of it runs."""
        with self._has_work:
            for key in [key for key in self._queues if key[0] is model]:
                for batch in self._queues.pop(key).clear():
                    for place in batch.places:
                        place.fill(_gone())
            self._has_finished.wait_for(lambda: model not in self._running)

    def count_held(self) -> int:
        """How many queues and running models it remembers; none when all is idle."""
        with self._has_work:
            return len(self._queues) + len(self._running)

    def _start_thread(self) -> None:
        """Called under the lock; the pool grows with the first calls."""
        name = f"{self.parameters.thread_pool_name}_{len(self._threads)}"
        # A daemon: a batcher that nobody stops must not keep the process alive.
        thread = threading.Thread(target=self._work, name=name, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _work(self) -> None:
        while (taken := self._take()) is not None:
            model, batch = taken
            try:
                self._run(batch)
            finally:
                with self._has_work:
                    self._running[model] -= 1
                    if not self._running[model]:
                        del self._running[model]
                        self._has_finished.notify_all()

    def _take(self) -> tuple[ModelBatcher, Batch] | None:
        """Wait for a batch that is due; None once it is stopped and nothing waits."""
        with self._has_work:
            while self._queues or not self._is_stopping:
                now = math.inf if self._is_stopping else self.clock()
                for key, queue in self._queues.items():
                    batch = queue.take(now)
                    if batch is not None:
                        del self._queues[key]
                        if not queue.is_empty:
                            self._queues[key] = queue
                        self._running[key[0]] += 1
                        return key[0], batch
                dues = [queue.due_at for queue in self._queues.values()]
                self._has_work.wait(min(dues) - now if dues else None)
        return None

    def _run(self, batch: Batch) -> None:
        """Fill every place of the batch, whatever happens."""
        now, tasks = self.clock(), [place.task for place in batch.places]
        padded_rows = batch.parameters.padded_size(batch.rows)
        outcomes: Sequence[Outcome | BaseException] = ()
        try:
            self._note_run(describe_run(tasks, padded_rows, now))
            outcomes = run_tasks(tasks, batch.run, padded_rows, now)
        except Exception as error:  # pylint: disable=broad-exception-caught  # not kept
            # It is raised again at each caller, whose edge reports it.
            outcomes = [error] * len(tasks)
        for place, outcome in zip(batch.places, outcomes, strict=True):
            place.fill(outcome)


class ModelBatcher:
    """What one loaded version is run through; run() blocks its caller."""

    def __init__(self, batcher: Batcher, parameters: BatchingParameters) -> None:
        self.parameters = parameters
        self._batcher = batcher

    def run(
        self,
        kind: Hashable,
        run: Run,
        inputs: Arrays,
        timeout_seconds: float | None = None,
    ) -> Arrays:
        """Compute the inputs' outputs, together with other callers' where possible.

        Args:
            kind: Equal for calls that may share a run: same inputs and outputs.
            run: (inputs, timeout in seconds) -> outputs; rows in, rows out.
            inputs: Arrays with the same number of rows in dimension 0.
            timeout_seconds: The caller gives up after that.

        Returns:
            The outputs for exactly these rows.

        Raises:
            ServingError: INVALID_ARGUMENT for inputs without rows or too many of them,
                UNAVAILABLE when the queue is full, RESOURCE_EXHAUSTED when the time is
                over before a thread was free, DEADLINE_EXCEEDED when it is over
                during the run, or what run raised for these rows.
        """
        rows = self._count_rows(inputs)
        now = self._batcher.clock()
        deadline = None if timeout_seconds is None else now + timeout_seconds
        task = Task(inputs, rows, deadline, now, rows)
        places = self._batcher.enqueue((self, kind), task, run, self._shapes(inputs))
        try:
            return join_shares(
                [place.wait(self._seconds_left(deadline)) for place in places]
            )
        except TimeoutError as error:
            are_taken = all(place.batch.is_taken for place in places)
            raise (run_too_long() if are_taken else waited_too_long()) from error

    def close(self) -> None:
        """Return once nothing of this version runs or waits; for an unload."""
        self._batcher.forget(self)

    def _seconds_left(self, deadline: float | None) -> float | None:
        if deadline is None:
            return None
        return max(0.0, deadline - self._batcher.clock())

    def _shapes(self, inputs: Arrays) -> Hashable:
        """What must be equal in one batch; with padding, ranks instead of sides."""
        is_padded = self.parameters.pad_variable_length_inputs
        return tuple(
            (name, array.dtype, array.ndim if is_padded else array.shape[1:])
            for name, array in sorted(inputs.items(), key=itemgetter(0))
        )

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


def _gone() -> ServingError:
    return ServingError(StatusCode.UNAVAILABLE, "the model is being unloaded")
