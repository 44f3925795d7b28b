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
    """What the model says about one picture: labels and their scores, best first."""

    labels: tuple[str, ...]
    scores: tuple[float, ...]

    @property
    def best(self) -> Score:
        """The label with the highest score; of equals, the first in label order."""
        return Score(self.labels[0], self.scores[0])

    @classmethod
    def from_scores(
        cls,
        scores: NDArray[np.float32],
        labels: tuple[str, ...],
        top: int | None = None,
    ) -> Prediction:
        """One row of scores, float32 (classes,), named by the labels in their order.

        Args:
            top: How many of the best are named; None: all. To name a thousand and
                write them as JSON takes 1.5 ms, to name the best five 0.07.
        """
        order = np.argsort(-scores, kind="stable")[:top]
        # The shortest decimals that give the same float32 back: 0.7, not 0.699999988.
        return cls(
            tuple(labels[i] for i in order.tolist()),
            tuple(float(str(score)) for score in scores[order]),
        )

    def ranking(self, top: int | None = None) -> tuple[Score, ...]:
        """So many of the best, or all."""
        return tuple(map(Score, self.labels[:top], self.scores[:top]))

    def to_json(self) -> dict[str, Any]:
        """One entry of the reply's predictions."""
        return {
            "label": self.labels[0],
            "score": self.scores[0],
            "scores": [
                {"label": label, "score": score}
                for label, score in zip(self.labels, self.scores, strict=True)
            ],
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
        cls,
        answer: Classification,
        errors: Mapping[int, GatewayError] | None = None,
        top: int | None = None,
    ) -> PredictionReply:
        """Name the scores by the labels of the version that gave them.

        Args:
            errors: Place among all pictures to what is wrong with one; the rows of
                scores belong to the others, in their order.
            top: How many scores of each picture are told, the best first; None: all.
        """
        labels = answer.served.contract.labels
        entries: list[Prediction | GatewayError] = [
            Prediction.from_scores(row, labels, top) for row in answer.scores
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

    def to_json(self, request_id: str, timings: Timings) -> dict[str, Any]:
        """The body of the reply to POST /predict."""
        return {
            "model": self.model,
            "version": self.version,
            "predictions": [_entry_json(entry) for entry in self.predictions],
            "timings": timings.to_json(),
            "request_id": request_id,
        }


def _entry_json(entry: Prediction | GatewayError) -> dict[str, Any]:
    """One picture's prediction, or the problem that stands in its place."""
    if isinstance(entry, Prediction):
        return entry.to_json()
    return {
        "error": {
            "status": int(entry.status),
            "code": entry.code,
            "detail": str(entry),
        }
    }
