"""Which of several models is better, and which only look so; plain NumPy.

Owns the verdict: models judged on the same photos are compared photo by photo.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from training.evaluate import paired_difference, wilson_interval

# A difference counts where chance alone would make it less often than this.
SIGNIFICANCE = 0.05


@dataclass(frozen=True, kw_only=True)
class Contestant:
    """One backbone with what was trained on it, and what it costs.

    is_correct has one entry a photo, shape (n,), in the order that all contestants
    share; loss is the mean negative log likelihood in nats. side is the picture's, in
    pixels. seconds is the time of training; features kept from an earlier run shorten
    it. photos_per_second is that of the frozen network in batches, megabytes (10^6
    bytes) the size of its float32 weights.
    """

    name: str
    side: int
    is_correct: NDArray[np.bool_]
    loss: float
    seconds: float
    photos_per_second: float
    megabytes: float

    @property
    def accuracy(self) -> float:
        """Share of the photos it got right."""
        return float(self.is_correct.mean())

    @property
    def interval(self) -> tuple[float, float]:
        """95 % Wilson interval of the accuracy."""
        return wilson_interval(int(self.is_correct.sum()), len(self.is_correct))


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """Contestants, the best first, and how likely each is as good as the best.

    p_values stand in the same order, the best's is 1: exact McNemar tests against the
    best, corrected for their number. folds is 0 where the validation part judged.
    """

    data: str
    folds: int
    contestants: tuple[Contestant, ...]
    p_values: tuple[float, ...]

    @property
    def count(self) -> int:
        """How many photos judged each contestant."""
        return len(self.best.is_correct)

    @property
    def best(self) -> Contestant:
        """The most accurate on these photos; of equals that of the smallest loss."""
        return self.contestants[0]

    @property
    def tied(self) -> tuple[Contestant, ...]:
        """Those that these photos do not tell from the best, without the best."""
        return tuple(
            contestant
            for contestant, p_value in self._others
            if p_value >= SIGNIFICANCE
        )

    @property
    def worse(self) -> tuple[Contestant, ...]:
        """Those that are worse than the best, beyond chance."""
        return tuple(
            contestant for contestant, p_value in self._others if p_value < SIGNIFICANCE
        )

    @property
    def champion(self) -> Contestant:
        """The fastest of the best and those tied with it."""
        return max((self.best, *self.tied), key=lambda one: one.photos_per_second)

    @property
    def _others(self) -> tuple[tuple[Contestant, float], ...]:
        return tuple(zip(self.contestants[1:], self.p_values[1:], strict=True))


def rank(data: str, folds: int, contestants: Sequence[Contestant]) -> Comparison:
    """Put the contestants in order and test each against the best."""
    best, *others = sorted(contestants, key=lambda one: (-one.accuracy, one.loss))
    p_values = [paired_difference(best.is_correct, one.is_correct) for one in others]
    return Comparison(
        data=data,
        folds=folds,
        contestants=(best, *others),
        p_values=(1.0, *adjust_p_values(p_values)),
    )


def adjust_p_values(p_values: Sequence[float]) -> tuple[float, ...]:
    """The same p values as if there were one test, in the same order.

    Source: Holm 1979, "A simple sequentially rejective multiple test procedure".
    """
    adjusted = [1.0] * len(p_values)
    highest = 0.0
    order = sorted(range(len(p_values)), key=lambda index: p_values[index])
    for place, index in enumerate(order):
        highest = max(highest, (len(p_values) - place) * p_values[index])
        adjusted[index] = min(1.0, highest)
    return tuple(adjusted)


def write_p_value(p_value: float) -> str:
    """Three decimals; what is smaller is not called 0."""
    return f"{p_value:.3f}" if p_value >= 0.001 else "<0.001"


def tell(comparison: Comparison) -> tuple[str, ...]:
    """The verdict in sentences: best, tied, worse, and which to take."""
    best, champion = comparison.best, comparison.champion
    lines = [
        f"best on these {comparison.count} photos: {best.name} ({best.accuracy:.4f})"
    ]
    if comparison.tied:
        names = ", ".join(one.name for one in comparison.tied)
        lines.append(
            f"tied with the best: {names}; so few photos on which only one is right "
            "could be chance"
        )
    if comparison.worse:
        names = ", ".join(one.name for one in comparison.worse)
        lines.append(f"worse than the best, beyond chance: {names}")
    reason = "the fastest of those" if comparison.tied else "no other is tied with it"
    lines.append(
        f"sensible champion: {champion.name}, {reason} "
        f"({champion.photos_per_second:.0f} photos/s)"
    )
    return tuple(lines)
