"""What one loaded version is run through while calls are merged."""

from __future__ import annotations

from collections.abc import Hashable
from typing import TYPE_CHECKING

from serving.batch_queue import BatchingParameters
from serving.batch_rows import (
    Arrays,
    Run,
    Task,
    count_rows,
    join_shares,
    run_too_long,
    waited_too_long,
)
from serving.errors import ServingError

if TYPE_CHECKING:
    from serving.batching import Batcher


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
        rows = count_rows(inputs, self.parameters.max_batch_size)
        now = self._batcher.clock()
        deadline = None if timeout_seconds is None else now + timeout_seconds
        task = Task(inputs, rows, deadline, now, rows)
        if self.parameters.starts_at_once(rows):
            outcome = self._batcher.run_at_once(self, task, run)
            if isinstance(outcome, ServingError):
                raise outcome.renewed()
            if outcome is not None:
                return outcome
        shapes = self.parameters.shapes_to_match(inputs)
        places = self._batcher.enqueue((self, kind), task, run, shapes)
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
