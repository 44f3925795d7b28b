"""Figures from scores, worked out by hand."""

import numpy as np
import pytest

from training.evaluate import (
    CrossValidation,
    ShuffledRun,
    evaluate_scores,
    paired_difference,
    roc_curve,
    weigh_accuracy,
    wilson_interval,
)

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
    # Twice the hits over named plus present: 2 x 2 / (2 + 3) for both.
    assert (cat.f1, dog.f1) == (pytest.approx(4 / 5), pytest.approx(4 / 5))
    # The cats' 0.9, 0.8, 0.3 against the others' 0.4, 0.2: 5 of 6 comparisons won.
    assert (cat.roc.area, dog.roc.area) == (pytest.approx(5 / 6), pytest.approx(5 / 6))


def test_class_never_named():
    """A class that is never predicted has no precision, and that is no zero."""
    scores = np.array([[0.9, 0.1], [0.9, 0.1]], np.float32)

    report = evaluate_scores(scores, np.array([0, 1]), ("cat", "dog"))

    assert report.classes[1].precision is None
    assert report.classes[1].recall == 0
    assert report.classes[1].f1 == 0


def test_class_without_photo():
    """A class of which nothing was tested has neither recall nor curve."""
    scores = np.array([[0.9, 0.1, 0.0], [0.2, 0.8, 0.0]], np.float32)

    report = evaluate_scores(scores, np.array([0, 1]), ("cat", "dog", "eel"))

    eel = report.classes[2]
    assert (eel.precision, eel.recall, eel.f1, eel.roc) == (None,) * 4


def test_roc_steps():
    """Each photo, from the best score down, is a step up or to the right."""
    scores = np.array([0.4, 0.9, 0.7, 0.8, 0.6], np.float32)
    is_class = np.array([False, True, True, False, True])

    curve = roc_curve(scores, is_class)

    assert curve.true_positive_rate == pytest.approx([0, 1 / 3, 1 / 3, 2 / 3, 1, 1])
    assert curve.false_positive_rate == pytest.approx([0, 0, 0.5, 0.5, 0.5, 1])
    assert curve.area == pytest.approx(4 / 6)


def test_roc_ties():
    """The area is the share of comparisons won, and a tie is half a win."""
    random = np.random.default_rng(1)
    scores = random.integers(0, 5, 60).astype(np.float32)
    is_class = random.random(60) < 0.4

    curve = roc_curve(scores, is_class)

    margins = scores[is_class][:, None] - scores[~is_class]
    wins = (margins > 0).mean() + (margins == 0).mean() / 2
    assert curve.area == pytest.approx(wins)


@pytest.mark.parametrize(
    "only_a, only_b, expected",
    [
        (5, 0, 2 / 32),  # five heads or five tails
        (2, 8, 2 * (1 + 10 + 45) / 1024),
        (1, 1, 1.0),
        (0, 0, 1.0),
    ],
)
def test_paired_difference(only_a, only_b, expected):
    """Photos on which the models differ are coin tosses; the others do not count."""
    both = [True] * 30 + [False] * 4
    is_correct_a = np.array([True] * only_a + [False] * only_b + both)
    is_correct_b = np.array([False] * only_a + [True] * only_b + both)

    assert paired_difference(is_correct_a, is_correct_b) == pytest.approx(expected)


@pytest.mark.parametrize(
    "accuracy, chance, expected",
    [(0.55, 0.5, True), (0.4, 0.5, True), (0.7, 0.5, False)],
)
def test_shuffled_run(accuracy, chance, expected):
    """Of 100 photos, 55 may be chance and 70 may not (half of 100: 40 to 60)."""
    assert (
        ShuffledRun(accuracy=accuracy, count=100, chance=chance).is_chance is expected
    )


def test_cross_validation():
    """Folds of unequal size: the accuracy is that of the photos, not of the folds."""
    folds = CrossValidation(folds=(1.0, 0.5), correct=11, count=12)

    assert folds.accuracy == pytest.approx(11 / 12)
    assert folds.interval == wilson_interval(11, 12)


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


def test_weighted_accuracy():
    """Weights 3, 1, 1, 1 with the heavy photo wrong: half is right, of 3 photos."""
    is_correct = np.array([False, True, True, True])
    weights = np.array([3, 1, 1, 1], np.float32)

    weighted = weigh_accuracy(is_correct, np.array([0, 1, 1, 1]), weights)

    assert weighted.accuracy == 3 / 6
    assert weighted.effective_count == 36 / 12
    assert weighted.majority_baseline == 3 / 6
    assert weighted.interval == wilson_interval(1.5, 3)


def test_equal_weights():
    """Photos of one and the same weight count as photos do."""
    weights = np.full(len(TARGETS), 0.25, np.float32)

    report = evaluate_scores(SCORES, TARGETS, ("cat", "dog"), weights)

    assert report.weighted.accuracy == pytest.approx(report.accuracy)
    assert report.weighted.effective_count == pytest.approx(report.count)
    assert report.weighted.interval == pytest.approx(report.interval)
    assert report.weighted.majority_baseline == pytest.approx(report.majority_baseline)
    assert evaluate_scores(SCORES, TARGETS, ("cat", "dog")).weighted is None
