"""Scores and labels become the reply: what is said about each picture, best first."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from gateway.classification import Classification
    from gateway.timings import Timings


@dataclass(frozen=True)
class Score:
    """One label and how sure the model is of it, 0-1."""

    label: str
    score: float


@dataclass(frozen=True)
class Prediction:
    """What the model says about one picture; scores are best first."""

    scores: tuple[Score, ...]

    @property
    def best(self) -> Score:
        """The label with the highest score; of equals, the first in label order."""
        return self.scores[0]

    @classmethod
    def from_scores(
        cls, scores: NDArray[np.float32], labels: tuple[str, ...]
    ) -> Prediction:
        """One row of scores, float32 (classes,), named by the labels in their order."""
        order = np.argsort(-scores, kind="stable")
        # The shortest decimals that give the same float32 back: 0.7, not 0.699999988.
        return cls(tuple(Score(labels[i], float(str(scores[i]))) for i in order))

    def to_json(self, top: int | None = None) -> dict[str, Any]:
        """One entry of the reply's predictions, with so many of the best scores."""
        return {
            "label": self.best.label,
            "score": self.best.score,
            "scores": [vars(score) for score in self.scores[:top]],
        }


@dataclass(frozen=True)
class PredictionReply:
    """The reply to one request: who answered and one prediction per picture."""

    model: str
    version: int
    predictions: tuple[Prediction, ...]

    @classmethod
    def from_classification(cls, answer: Classification) -> PredictionReply:
        """Name the scores by the labels of the version that gave them."""
        labels = answer.served.contract.labels
        return cls(
            answer.served.name,
            answer.served.version,
            tuple(Prediction.from_scores(row, labels) for row in answer.scores),
        )

    def facts(self) -> dict[str, object]:
        """What the request log says of this reply."""
        best = self.predictions[0].best
        return {
            "model": self.model,
            "version": self.version,
            "label": best.label,
            "score": f"{best.score:.4f}",
        }

    def to_json(
        self, request_id: str, timings: Timings, top: int | None = None
    ) -> dict[str, Any]:
        """The body of the reply to POST /predict.

        Args:
            top: How many scores of each picture are told, the best first; None: all.
        """
        return {
            "model": self.model,
            "version": self.version,
            "predictions": [entry.to_json(top) for entry in self.predictions],
            "timings": timings.to_json(),
            "request_id": request_id,
        }
