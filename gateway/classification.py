"""Pictures to scores and the version that gave them, whatever is swapped meanwhile."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from gateway.deadline import Deadline
from gateway.errors import ModelFailed, ModelMismatch
from gateway.targets import Reply, ServedModel, Target
from gateway.timings import DECODE, MODEL, Stopwatch

if TYPE_CHECKING:
    from gateway.model_client import ModelClient

Decode = Callable[[tuple[int, int]], NDArray[np.uint8]]


@dataclass(frozen=True)
class Classification:
    """Scores, float32 (n, classes), and the version whose labels they follow."""

    served: ServedModel
    scores: NDArray[np.float32]


def classify(
    client: ModelClient,
    target: Target,
    decode: Decode,
    deadline: Deadline,
    watch: Stopwatch | None = None,
) -> Classification:
    """Ask the target about the pictures that decode turns into pixels.

    A contract that grew old, because the model was swapped after it was read, is read
    once more before a mismatch is believed.

    Args:
        decode: From (height, width) to the batch, uint8 (n, height, width, 3).
        watch: Told how long decoding and the model took.

    Raises:
        GatewayError: A picture cannot be read, or the model does not answer.
    """
    question = _Question(client, target, decode, deadline, watch or Stopwatch())
    served = client.contract(target, deadline)
    try:
        return _ask(question, served)
    except ModelMismatch:
        fresh = client.read_contract(target, deadline)
        if fresh == served:
            raise
        return _ask(question, fresh)


@dataclass(frozen=True)
class _Question:
    client: ModelClient
    target: Target
    decode: Decode
    deadline: Deadline
    watch: Stopwatch

    def pixels(self, size: tuple[int, int]) -> NDArray[np.uint8]:
        """The batch in one size."""
        with self.watch.stage(DECODE):
            return self.decode(size)

    def predict(self, target: Target, batch: NDArray[np.uint8]) -> Reply:
        """What the model server says of a batch."""
        with self.watch.stage(MODEL):
            return self.client.predict(target, batch, self.deadline)


def _ask(question: _Question, served: ServedModel) -> Classification:
    """Send the pixels a version wants; again, when another one has answered."""
    client, deadline = question.client, question.deadline
    batch = question.pixels(served.contract.image.size)
    reply = question.predict(question.target, batch)
    if reply.version != served.version:
        # The names stay together: labels and pixels of the version that answered.
        asked_image = served.contract.image
        served = client.contract(Target(served.name, reply.version), deadline)
        if served.contract.image != asked_image:
            batch = question.pixels(served.contract.image.size)
            reply = question.predict(served.target, batch)
    return Classification(served, _checked(reply.scores, served.contract.labels))


def _checked(
    scores: NDArray[np.float32], labels: tuple[str, ...]
) -> NDArray[np.float32]:
    """The scores, once there is one per label and each is a number."""
    if scores.shape[1] != len(labels):
        raise ModelMismatch(
            f"expected {len(labels)} scores, one per label, received {scores.shape[1]}"
        )
    if not np.isfinite(scores).all():
        raise ModelFailed("expected scores that are numbers, received NaN or infinity")
    return scores
