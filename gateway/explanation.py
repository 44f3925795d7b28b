"""Scores of one picture and where the model sees its best label; knows no HTTP."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from gateway.classification import Classification, Decode, classify
from gateway.deadline import Deadline
from gateway.targets import Reply, ServedModel, Target
from gateway.timings import Stopwatch

if TYPE_CHECKING:
    from gateway.model_client import ModelClient


@dataclass(frozen=True)
class Explanation:
    """An answer and, for its first picture, float32 (rows, columns) of 0-1."""

    answer: Classification
    heatmap: NDArray[np.float32]

    @property
    def served(self) -> ServedModel:
        """The version that explains itself."""
        return self.answer.served


def explain(
    client: ModelClient,
    target: Target,
    decode: Decode,
    deadline: Deadline,
    watch: Stopwatch | None = None,
) -> Explanation:
    """Ask the target about one picture, as classify does, and why it says so.

    Raises:
        NoExplanation: The model gives scores only.
        GatewayError: As classify.
    """
    explainer = _Explainer(client)
    answer = classify(explainer, target, decode, deadline, watch)
    return Explanation(answer, explainer.heatmaps[0])


class _Explainer:
    """What classify asks, where every prediction comes with heatmaps.

    So a model that is swapped between two calls is met in one place only; the heatmaps
    that stay are those of the last call, like the scores.
    """

    def __init__(self, client: ModelClient) -> None:
        self._client = client
        self.contract = client.contract
        self.read_contract = client.read_contract
        self.heatmaps = np.empty((0, 0, 0), np.float32)

    def predict(
        self, target: Target, batch: NDArray[np.uint8], deadline: Deadline
    ) -> Reply:
        """The scores of a batch; its heatmaps are kept."""
        explained = self._client.explain(target, batch, deadline)
        self.heatmaps = explained.heatmaps
        return explained.reply
