"""Pictures to scores and the version that gave them, whatever is swapped meanwhile."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from gateway.deadline import Deadline
from gateway.errors import ModelFailed, ModelMismatch, UnknownVersion
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
        decode: From (height, width) to the batch, uint8 (n, height, width, 3). With
            n = 0 the model is not asked.
        watch: Told how long decoding and the model took.

    Raises:
        UnknownVersion: The version or label that the target names is not there.
        GatewayError: A picture cannot be read, or the model does not answer.
    """
    question = _Question(client, target, decode, deadline, watch or Stopwatch())
    try:
        return _ask_twice(question)
    except UnknownVersion as error:
        if target.version is None and target.label is None:
            # Not the caller's mistake: it answered and was unloaded before it was
            # asked what its scores mean.
            raise ModelMismatch(str(error)) from error
        raise


@dataclass(frozen=True)
class _Question:
    client: ModelClient
    target: Target
    decode: Decode
    deadline: Deadline
    watch: Stopwatch

    def contract(self, target: Target) -> ServedModel:
        """What a version says about itself, as far as is known."""
        with self.watch.stage(MODEL):
            return self.client.contract(target, self.deadline)

    def fresh_contract(self) -> ServedModel:
        """What the target says about itself now."""
        with self.watch.stage(MODEL):
            return self.client.read_contract(self.target, self.deadline)

    def pixels(self, size: tuple[int, int]) -> NDArray[np.uint8]:
        """The batch in one size."""
        with self.watch.stage(DECODE):
            return self.decode(size)

    def predict(self, target: Target, batch: NDArray[np.uint8]) -> Reply:
        """What the model server says of a batch."""
        with self.watch.stage(MODEL):
            return self.client.predict(target, batch, self.deadline)


def _ask_twice(question: _Question) -> Classification:
    """With the contract that is known and, if it does not fit, with a fresh one."""
    served = question.contract(question.target)
    try:
        return _ask(question, served)
    except UnknownVersion:
        # It answered and was withdrawn before it told what its scores mean.
        return _ask(question, question.fresh_contract())
    except ModelMismatch:
        fresh = question.fresh_contract()
        if fresh != served:
            return _ask(question, fresh)
        if question.target.label is None:
            raise
        # Replicas read their labels at different moments: one knows what another does
        # not, and all know the number.
        return _ask(replace(question, target=fresh.target), fresh)


def _ask(question: _Question, served: ServedModel) -> Classification:
    """Send the pixels a version wants; again, when another one has answered."""
    batch = question.pixels(served.contract.image.size)
    if not batch.size:
        no_scores = np.empty((0, len(served.contract.labels)), np.float32)
        return Classification(served, no_scores)
    reply = question.predict(question.target, batch)
    if reply.version != served.version:
        # The names stay together: labels and pixels of the version that answered.
        asked_image = served.contract.image
        served = question.contract(Target(served.name, reply.version))
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
