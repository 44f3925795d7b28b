"""How far a score can be believed: temperature and calibration error; plain NumPy."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

BIN_COUNT = 15  # Source: Guo et al. 2017, "On calibration of modern neural networks"
MIN_TEMPERATURE, MAX_TEMPERATURE = 0.1, 10.0
_HALVINGS = 60  # of the inverse temperature's range: far below float64's rounding


@dataclass(frozen=True, kw_only=True)
class ReliabilityBin:
    """Photos whose best score lies in (low, high]; None where there are none."""

    low: float
    high: float
    count: int
    confidence: float | None
    accuracy: float | None


@dataclass(frozen=True, kw_only=True)
class Reliability:
    """How scores and truth agree on one set of photos.

    error is the expected calibration error: |accuracy - mean best score| of each bin,
    weighted with the bin's share of the photos. loss is the mean negative log
    likelihood in nats.
    """

    bins: tuple[ReliabilityBin, ...]
    error: float
    loss: float


@dataclass(frozen=True, kw_only=True)
class Calibration:
    """The temperature that validation asked for, and what it changed on test."""

    temperature: float
    before: Reliability
    after: Reliability


def fit_temperature(
    logits: NDArray[np.float32],
    targets: NDArray[np.int64],
    weights: NDArray[np.float32] | None = None,
) -> float:
    """The number to divide logits by so that the validation photos are likeliest.

    Args:
        logits: float32, shape (n, classes), of photos not trained on.
        targets: int64, shape (n,).
        weights: float32, shape (n,), how much each photo counts; None: all alike.

    Returns:
        MIN_TEMPERATURE to MAX_TEMPERATURE; 1 where no photo was wrong, since then
        nothing tells how high a score may be. The best class never changes.

    Source: Guo et al. 2017, section 4.2. In the inverse temperature the loss is convex,
    so its slope has one zero, which halving finds on any data.
    """
    wide = logits.astype(np.float64)
    if (wide.argmax(axis=1) == targets).all():
        return 1.0
    low, high = 1 / MAX_TEMPERATURE, 1 / MIN_TEMPERATURE
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        if _loss_slope(wide, targets, middle, weights) > 0:
            high = middle
        else:
            low = middle
    return 2 / (low + high)


def calibrate(
    logits: NDArray[np.float32],
    targets: NDArray[np.int64],
    temperature: float,
    weights: NDArray[np.float32] | None = None,
) -> Calibration:
    """Judge a temperature on photos that did not choose it; arrays as above."""
    return Calibration(
        temperature=temperature,
        before=measure_reliability(logits, targets, weights),
        after=measure_reliability(logits / np.float32(temperature), targets, weights),
    )


def measure_reliability(
    logits: NDArray[np.float32],
    targets: NDArray[np.int64],
    weights: NDArray[np.float32] | None = None,
) -> Reliability:
    """Bins, calibration error and loss of logits (n, classes) against targets (n,).

    All means are by weights (n,); a bin's count is that of its photos.
    """
    own = np.ones(len(targets)) if weights is None else weights.astype(np.float64)
    log_scores = _log_softmax(logits.astype(np.float64))
    confidence = np.exp(log_scores.max(axis=1))
    is_right = log_scores.argmax(axis=1) == targets
    # A score on an edge belongs below it; rounding may lift the highest above 1.
    bins = np.clip(np.ceil(confidence * BIN_COUNT).astype(int) - 1, 0, BIN_COUNT - 1)
    rows = tuple(
        _measure_bin(
            index,
            confidence[bins == index],
            is_right[bins == index],
            own[bins == index],
        )
        for index in range(BIN_COUNT)
    )
    masses = np.bincount(bins, own, BIN_COUNT)
    gaps = [
        mass * abs(row.accuracy - row.confidence)
        for row, mass in zip(rows, masses, strict=True)
        if row.count
    ]
    losses = -log_scores[range(len(targets)), targets]
    return Reliability(
        bins=rows,
        error=float(sum(gaps) / own.sum()),
        loss=float(np.average(losses, weights=own)),
    )


def _measure_bin(
    index: int,
    confidence: NDArray[np.float64],
    is_right: NDArray[np.bool_],
    weights: NDArray[np.float64],
) -> ReliabilityBin:
    count = len(confidence)
    return ReliabilityBin(
        low=index / BIN_COUNT,
        high=(index + 1) / BIN_COUNT,
        count=count,
        confidence=float(np.average(confidence, weights=weights)) if count else None,
        accuracy=float(np.average(is_right, weights=weights)) if count else None,
    )


def _loss_slope(
    logits: NDArray[np.float64],
    targets: NDArray[np.int64],
    inverse: float,
    weights: NDArray[np.float32] | None,
) -> float:
    """d loss / d (1 / temperature): expected logit minus the true class's logit."""
    scores = np.exp(_log_softmax(logits * inverse))
    expected = (scores * logits).sum(axis=1)
    slopes = expected - logits[range(len(targets)), targets]
    return float(np.average(slopes, weights=weights))


def _log_softmax(logits: NDArray[np.float64]) -> NDArray[np.float64]:
    shifted = logits - logits.max(axis=1, keepdims=True)
    return shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))
