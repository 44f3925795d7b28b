"""Temperature and calibration error, worked out by hand."""

import math

import numpy as np
import pytest

from training.calibration import (
    MAX_TEMPERATURE,
    calibrate,
    fit_temperature,
    measure_reliability,
)


def two_class_logits(margin, right, wrong):
    """Logits of one margin for class 0, and targets: so many right, so many wrong."""
    logits = np.tile(np.array([margin, 0], np.float32), (right + wrong, 1))
    return logits, np.array([0] * right + [1] * wrong)


@pytest.mark.parametrize("margin, right, wrong", [(4, 3, 1), (0.5, 9, 1), (60, 3, 2)])
def test_temperature(margin, right, wrong):
    """The score becomes the share that was right: margin / T = ln(right / wrong)."""
    logits, targets = two_class_logits(margin, right, wrong)

    temperature = fit_temperature(logits, targets)

    expected = min(margin / math.log(right / wrong), MAX_TEMPERATURE)
    assert temperature == pytest.approx(expected, rel=1e-9)


def test_all_right():
    """Where nothing was wrong, scores are left as they are."""
    assert fit_temperature(*two_class_logits(0.2, right=50, wrong=0)) == 1.0


def test_all_wrong():
    """Where all was wrong the temperature stays within its bound."""
    assert fit_temperature(*two_class_logits(5, 0, 9)) == pytest.approx(MAX_TEMPERATURE)


def test_huge_logits():
    """Logits that would overflow an exponential are judged all the same."""
    temperature = fit_temperature(*two_class_logits(1e30, right=3, wrong=1))

    assert temperature == pytest.approx(MAX_TEMPERATURE)


def test_reliability_bins():
    """Two bins of fifteen: each one's gap counts with its photos."""
    # Best scores: 0.75 three times, two right; 0.95 once, right. 0.75 x 15 is 11.25
    # and 0.95 x 15 is 14.25: the 12th and the last bin.
    scores = np.array([[0.75, 0.25], [0.75, 0.25], [0.25, 0.75], [0.05, 0.95]])
    targets = np.array([0, 1, 1, 1])

    reliability = measure_reliability(np.log(scores), targets)

    counts = [row.count for row in reliability.bins]
    assert counts == [0] * 11 + [3] + [0] * 2 + [1]
    assert reliability.bins[11].accuracy == pytest.approx(2 / 3)
    assert reliability.bins[11].confidence == pytest.approx(0.75)
    assert reliability.bins[0].confidence is None
    gaps = 3 * (0.75 - 2 / 3) + 1 * (1 - 0.95)
    assert reliability.error == pytest.approx(gaps / 4)
    losses = [math.log(1 / score) for score in (0.75, 0.25, 0.75, 0.95)]
    assert reliability.loss == pytest.approx(sum(losses) / 4)


def test_edge_of_a_bin():
    """A score on an edge counts below it, and certainty in the last bin."""
    logits = np.array([[0.0, 0.0, 0.0], [800.0, 0.0, 0.0]])

    reliability = measure_reliability(logits, np.array([0, 0]))

    occupied = [i for i, row in enumerate(reliability.bins) if row.count]
    assert occupied == [4, 14]


def test_calibrate():
    """The temperature that fits makes the error of the same photos vanish."""
    logits, targets = two_class_logits(4, right=3, wrong=1)

    calibration = calibrate(logits, targets, fit_temperature(logits, targets))

    sigmoid = 1 / (1 + math.exp(-4))
    assert calibration.before.error == pytest.approx(sigmoid - 0.75)
    # The logits are float32: seven digits.
    assert calibration.after.error == pytest.approx(0, abs=1e-6)
    assert calibration.after.loss < calibration.before.loss


def test_weights():
    """A photo of weight 3 tells as much as three of weight 1."""
    logits, targets = two_class_logits(2, right=4, wrong=2)
    weights = np.array([1, 2, 3, 1, 3, 1], np.float32)
    places = np.repeat(np.arange(6), weights.astype(int))

    weighted = measure_reliability(logits, targets, weights)
    repeated = measure_reliability(logits[places], targets[places])

    assert weighted.loss == pytest.approx(repeated.loss)
    assert weighted.error == pytest.approx(repeated.error)
    assert fit_temperature(logits, targets, weights) == pytest.approx(
        fit_temperature(logits[places], targets[places])
    )
    assert sum(row.count for row in weighted.bins) == 6
