"""Scores and labels become the reply: what is said about each picture, best first."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from gateway.errors import GatewayError

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
    """The reply to one request: who answered and one prediction per picture.

    In the place of a picture that could not be read stands what is wrong with it.
    """

    model: str
    version: int
    predictions: tuple[Prediction | GatewayError, ...]

    @classmethod
    def from_classification(
        cls, answer: Classification, errors: Mapping[int, GatewayError] | None = None
    ) -> PredictionReply:
        """Name the scores by the labels of the version that gave them.

        Args:
            errors: Place among all pictures to what is wrong with one; the rows of
                scores belong to the others, in their order.
        """
        labels = answer.served.contract.labels
        entries: list[Prediction | GatewayError] = [
            Prediction.from_scores(row, labels) for row in answer.scores
        ]
        for place, error in sorted((errors or {}).items()):
            entries.insert(place, error)
        return cls(answer.served.name, answer.served.version, tuple(entries))

    def facts(self) -> dict[str, object]:
        """What the request log says of this reply: of several pictures, how many."""
        facts: dict[str, object] = {"model": self.model, "version": self.version}
        first = self.predictions[0]
        if len(self.predictions) == 1 and isinstance(first, Prediction):
            best = first.best
            return facts | {"label": best.label, "score": f"{best.score:.4f}"}
        failed = sum(isinstance(entry, GatewayError) for entry in self.predictions)
        return facts | {"pictures": len(self.predictions), "failed": failed}

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
            "predictions": [_entry_json(entry, top) for entry in self.predictions],
            "timings": timings.to_json(),
            "request_id": request_id,
        }


def _entry_json(entry: Prediction | GatewayError, top: int | None) -> dict[str, Any]:
    """One picture's prediction, or the problem that stands in its place."""
    if isinstance(entry, Prediction):
        return entry.to_json(top)
    return {
        "error": {
            "status": int(entry.status),
            "code": entry.code,
            "detail": str(entry),
        }
    }
