"""Scores and truth become figures; plain NumPy."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Z_95 = 1.959963984540054  # 97.5th percentile of the standard normal distribution


@dataclass(frozen=True, kw_only=True)
class ClassFigures:
    """One row of the per-class table; precision is None where nothing was predicted."""

    label: str
    count: int
    precision: float | None
    recall: float


@dataclass(frozen=True, kw_only=True)
class EvaluationReport:
    """How good a model is on photos it never saw.

    confusion counts photos, shape (classes, classes), row: true, column: predicted;
    majority_baseline is the accuracy of always naming the most frequent class.
    """

    labels: tuple[str, ...]
    count: int
    accuracy: float
    interval: tuple[float, float]
    majority_baseline: float
    confusion: NDArray[np.int64]
    classes: tuple[ClassFigures, ...]


def softmax(logits: NDArray[np.float32]) -> NDArray[np.float32]:
    """Scores of logits, both float32 (n, classes); each row sums to 1."""
    shifted = np.exp(logits - logits.max(axis=1, keepdims=True))
    return shifted / shifted.sum(axis=1, keepdims=True)


def evaluate_scores(
    scores: NDArray[np.float32], targets: NDArray[np.int64], labels: tuple[str, ...]
) -> EvaluationReport:
    """Judge one set of scores.

    Args:
        scores: float32, shape (n, classes).
        targets: int64, shape (n,), the true class of each row.
        labels: Class names in score order.
    """
    confusion = np.zeros((len(labels), len(labels)), np.int64)
    np.add.at(confusion, (targets, scores.argmax(axis=1)), 1)
    correct, count = int(np.trace(confusion)), len(targets)
    return EvaluationReport(
        labels=labels,
        count=count,
        accuracy=correct / count,
        interval=wilson_interval(correct, count),
        majority_baseline=float(confusion.sum(axis=1).max() / count),
        confusion=confusion,
        classes=tuple(
            _class_figures(confusion, i, name) for i, name in enumerate(labels)
        ),
    )


def wilson_interval(correct: int, count: int) -> tuple[float, float]:
    """95 % confidence interval (low, high) of a share, 0-1.

    Source: Wilson 1927, "Probable inference, the law of succession, and statistical
    inference": it stays inside 0-1 and holds for small counts and shares near 1.
    """
    share = correct / count
    denominator = 1 + Z_95**2 / count
    center = (share + Z_95**2 / (2 * count)) / denominator
    spread = math.sqrt(share * (1 - share) / count + (Z_95 / (2 * count)) ** 2)
    half = Z_95 * spread / denominator
    return max(0.0, center - half), min(1.0, center + half)


def _class_figures(
    confusion: NDArray[np.int64], index: int, label: str
) -> ClassFigures:
    hits = int(confusion[index, index])
    predicted = int(confusion[:, index].sum())
    count = int(confusion[index].sum())
    return ClassFigures(
        label=label,
        count=count,
        precision=hits / predicted if predicted else None,
        recall=hits / count,
    )
