"""Scores and truth become figures; plain NumPy."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Z_95 = 1.959963984540054  # 97.5th percentile of the standard normal distribution


@dataclass(frozen=True, kw_only=True)
class RocCurve:
    """One class against the rest: shares of the right and of the wrong ones named.

    Both arrays are float64, shape (steps,), and rise from 0 to 1; area is the chance
    that a photo of the class scores higher than one of another, ties counting half.
    """

    false_positive_rate: NDArray[np.float64]
    true_positive_rate: NDArray[np.float64]
    area: float


@dataclass(frozen=True, kw_only=True)
class ClassFigures:
    """One row of the per-class table.

    precision is None where nothing was predicted, recall where the class has no photo,
    f1 where neither; roc where there are no photos on both sides.
    """

    label: str
    count: int
    precision: float | None
    recall: float | None
    f1: float | None
    roc: RocCurve | None


@dataclass(frozen=True, kw_only=True)
class WeightedAccuracy:
    """Accuracy where photos count by their weights; all shares 0-1.

    effective_count is the number of equally weighted photos that would say as much
    (Kish 1965, "Survey sampling": the weights' sum squared by the sum of squares), by
    which the interval is Wilson's; majority_baseline is that of the weights.
    """

    accuracy: float
    effective_count: float
    majority_baseline: float

    @property
    def interval(self) -> tuple[float, float]:
        """95 % Wilson interval of the accuracy, by the effective count."""
        correct = self.accuracy * self.effective_count
        return wilson_interval(correct, self.effective_count)


@dataclass(frozen=True, kw_only=True)
class EvaluationReport:
    """How good a model is on photos it never saw.

    confusion counts photos, shape (classes, classes), row: true, column: predicted;
    majority_baseline is the accuracy of always naming the most frequent class.
    weighted is None where all photos count alike; all else is a plain count.
    """

    labels: tuple[str, ...]
    count: int
    accuracy: float
    interval: tuple[float, float]
    majority_baseline: float
    confusion: NDArray[np.int64]
    classes: tuple[ClassFigures, ...]
    weighted: WeightedAccuracy | None = None


@dataclass(frozen=True, kw_only=True)
class ShuffledRun:
    """The same training on shuffled labels: better than chance means a leak.

    accuracy is that on count validation photos with their true labels, chance that of
    always naming the most frequent class; shuffles says how many orders of the labels
    were tried, of which this is the last and the others beat chance.
    """

    accuracy: float
    count: int
    chance: float
    shuffles: int = 1

    @property
    def interval(self) -> tuple[float, float]:
        """95 % Wilson interval of the accuracy."""
        return wilson_interval(round(self.accuracy * self.count), self.count)

    @property
    def is_chance(self) -> bool:
        """Whether nothing was learned, as it must be: the interval reaches chance."""
        return self.interval[0] <= self.chance


@dataclass(frozen=True, kw_only=True)
class CrossValidation:
    """Accuracy of each fold; correct of count photos in all, each judged once."""

    folds: tuple[float, ...]
    correct: int
    count: int

    @property
    def accuracy(self) -> float:
        """Share of all photos that the model not trained on them got right."""
        return self.correct / self.count

    @property
    def interval(self) -> tuple[float, float]:
        """95 % Wilson interval of the accuracy."""
        return wilson_interval(self.correct, self.count)


def softmax(logits: NDArray[np.float32]) -> NDArray[np.float32]:
    """Scores of logits, both float32 (n, classes); each row sums to 1."""
    shifted = np.exp(logits - logits.max(axis=1, keepdims=True))
    return shifted / shifted.sum(axis=1, keepdims=True)


def evaluate_scores(
    scores: NDArray[np.float32],
    targets: NDArray[np.int64],
    labels: tuple[str, ...],
    weights: NDArray[np.float32] | None = None,
) -> EvaluationReport:
    """Judge one set of scores.

    Args:
        scores: float32, shape (n, classes).
        targets: int64, shape (n,), the true class of each row.
        labels: Class names in score order.
        weights: float32, shape (n,), how much each row counts; None: all alike.
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
            _class_figures(confusion, i, name, roc_curve(scores[:, i], targets == i))
            for i, name in enumerate(labels)
        ),
        weighted=(
            None
            if weights is None
            else weigh_accuracy(scores.argmax(axis=1) == targets, targets, weights)
        ),
    )


def weigh_accuracy(
    is_correct: NDArray[np.bool_],
    targets: NDArray[np.int64],
    weights: NDArray[np.float32],
) -> WeightedAccuracy:
    """Share of the weights, all arrays of shape (n,), that lies on right answers."""
    wide = weights.astype(np.float64)
    total = wide.sum()
    return WeightedAccuracy(
        accuracy=float(wide[is_correct].sum() / total),
        effective_count=float(total**2 / (wide**2).sum()),
        majority_baseline=float(np.bincount(targets, wide).max() / total),
    )


def wilson_interval(correct: float, count: float) -> tuple[float, float]:
    """95 % confidence interval (low, high) of a share, 0-1.

    Source: Wilson 1927, "Probable inference, the law of succession, and statistical
    inference": it stays inside 0-1 and holds for small counts and shares near 1.
    Counts may be fractions, as effective ones are.
    """
    share = correct / count
    denominator = 1 + Z_95**2 / count
    center = (share + Z_95**2 / (2 * count)) / denominator
    spread = math.sqrt(share * (1 - share) / count + (Z_95 / (2 * count)) ** 2)
    half = Z_95 * spread / denominator
    return max(0.0, center - half), min(1.0, center + half)


def roc_curve(
    scores: NDArray[np.float32], is_class: NDArray[np.bool_]
) -> RocCurve | None:
    """The curve of one class's scores, shape (n,); None where one side is empty."""
    positives = int(is_class.sum())
    if positives in (0, len(is_class)):
        return None
    order = np.argsort(-scores, kind="stable")
    hits = np.cumsum(is_class[order])
    # Photos of equal score are named together: one step, however many they are.
    ends = np.append(np.flatnonzero(np.diff(scores[order])), len(scores) - 1)
    found = np.append(0.0, hits[ends] / positives)
    alarms = np.append(0.0, (ends + 1 - hits[ends]) / (len(is_class) - positives))
    return RocCurve(
        false_positive_rate=alarms,
        true_positive_rate=found,
        area=float(np.trapezoid(found, alarms)),
    )


def paired_difference(
    is_correct_a: NDArray[np.bool_], is_correct_b: NDArray[np.bool_]
) -> float:
    """The p value of two models being equally good, from the same photos, shape (n,).

    Only photos on which one is right and the other wrong count; were the models
    equal, each of those would be a coin toss (two-sided, exact).

    Source: McNemar 1947, "Note on the sampling error of the difference between
    correlated proportions or percentages".
    """
    only_a = int((is_correct_a & ~is_correct_b).sum())
    only_b = int((is_correct_b & ~is_correct_a).sum())
    tosses = only_a + only_b
    tail = sum(math.comb(tosses, k) for k in range(min(only_a, only_b) + 1))
    return min(1.0, 2 * tail / 2**tosses)


def _class_figures(
    confusion: NDArray[np.int64], index: int, label: str, roc: RocCurve | None
) -> ClassFigures:
    hits = int(confusion[index, index])
    predicted = int(confusion[:, index].sum())
    count = int(confusion[index].sum())
    return ClassFigures(
        label=label,
        count=count,
        precision=hits / predicted if predicted else None,
        recall=hits / count if count else None,
        f1=2 * hits / (predicted + count) if predicted + count else None,
        roc=roc,
    )
