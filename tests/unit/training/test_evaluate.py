"""Figures from scores, worked out by hand."""

import numpy as np
import pytest

from training.evaluate import evaluate_scores, wilson_interval

# True classes 0 0 0 1 1; the last cat is taken for a dog.
SCORES = np.array(
    [[0.9, 0.1], [0.8, 0.2], [0.3, 0.7], [0.4, 0.6], [0.2, 0.8]], np.float32
)
TARGETS = np.array([0, 0, 0, 1, 1])


def test_figures():
    """Accuracy, baseline, confusion, precision and recall of five photos."""
    report = evaluate_scores(SCORES, TARGETS, ("cat", "dog"))

    assert report.accuracy == pytest.approx(4 / 5)
    assert report.majority_baseline == pytest.approx(3 / 5)
    assert report.confusion.tolist() == [[2, 1], [0, 2]]
    cat, dog = report.classes
    assert (cat.precision, cat.recall) == (pytest.approx(1), pytest.approx(2 / 3))
    assert (dog.precision, dog.recall) == (pytest.approx(2 / 3), pytest.approx(1))


def test_class_never_named():
    """A class that is never predicted has no precision, and that is no zero."""
    scores = np.array([[0.9, 0.1], [0.9, 0.1]], np.float32)

    report = evaluate_scores(scores, np.array([0, 1]), ("cat", "dog"))

    assert report.classes[1].precision is None
    assert report.classes[1].recall == 0


@pytest.mark.parametrize(
    "correct, count, expected",
    [
        # Solved by hand from |p - share| = z sqrt(p (1 - p) / n) with z = 1.96:
        # all of n right: n / (n + z^2) to 1; none: 0 to z^2 / (n + z^2);
        # half of n: 1/2 -+ z / (2 sqrt(n + z^2)).
        (10, 10, (10 / 13.8415, 1.0)),
        (0, 10, (0.0, 3.8415 / 13.8415)),
        (50, 100, (0.5 - 0.09617, 0.5 + 0.09617)),
    ],
)
def test_wilson_interval(correct, count, expected):
    """The interval solves Wilson's quadratic and stays inside 0-1."""
    assert wilson_interval(correct, count) == pytest.approx(expected, abs=1e-4)
