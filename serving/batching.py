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

from grpc import StatusCode

from serving.batch_queue import Batch, BatchingParameters, BatchQueue, Place
from serving.batch_rows import (
    BatchRun,
    Outcome,
    Run,
    Task,
    describe_run,
    run_tasks,
)
from serving.errors import ServingError
from serving.model_batcher import ModelBatcher

_Key = tuple[ModelBatcher, Hashable]


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
        # One for each run under way, in a thread of the pool or in a caller's own.
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

    def run_at_once(self, model: ModelBatcher, task: Task, run: Run) -> Outcome | None:
        """Run a task in its caller's own thread where nothing waits; None: it must.

        Saves a lone caller two changes of threads. It takes a place of the pool.
        """
        with self._has_work:
            if self._is_stopping or self._queues or not self._has_place():
                return None
            self._running[model] += 1
        try:
            return self._run_tasks([task], run, model.parameters)[0]
        finally:
            self._finish(model)

    def forget(self, model: ModelBatcher) -> None:
        """Drop what waits for this model and return once nothing of it runs."""
        with self._has_work:
            for key in [key for key in self._queues if key[0] is model]:
                for batch in self._queues.pop(key).clear():
                    for place in batch.places:
                        place.fill(_gone())
                    batch.let_go()
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
                self._finish(model)

    def _has_place(self) -> bool:
        """Called under the lock: fewer runs are under way than there may be."""
        return self._running.total() < self.parameters.num_batch_threads

    def _finish(self, model: ModelBatcher) -> None:
        with self._has_work:
            self._running[model] -= 1
            if not self._running[model]:
                del self._running[model]
                self._has_finished.notify_all()
            if self._queues:
                self._has_work.notify()

    def _take(self) -> tuple[ModelBatcher, Batch] | None:
        """Wait for a batch that is due; None once it is stopped and nothing waits."""
        with self._has_work:
            while self._queues or not self._is_stopping:
                if not self._has_place():
                    self._has_work.wait()
                    continue
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
        tasks = [place.task for place in batch.places]
        outcomes: Sequence[Outcome | BaseException] = ()
        try:
            outcomes = self._run_tasks(tasks, batch.run, batch.parameters)
        except Exception as error:  # pylint: disable=broad-exception-caught  # not kept
            # It is raised again at each caller, whose edge reports it.
            outcomes = [error] * len(tasks)
        for place, outcome in zip(batch.places, outcomes, strict=True):
            place.fill(outcome)
        batch.let_go()

    def _run_tasks(
        self, tasks: Sequence[Task], run: Run, parameters: BatchingParameters
    ) -> list[Outcome]:
        now = self.clock()
        padded_rows = parameters.padded_size(sum(task.rows for task in tasks))
        self._note_run(describe_run(tasks, padded_rows, now))
        return run_tasks(tasks, run, padded_rows, now)


def _gone() -> ServingError:
    return ServingError(StatusCode.UNAVAILABLE, "the model is being unloaded")
