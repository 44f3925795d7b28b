"""Shuffled labels: luck is tried again, a leak stays one."""

import numpy as np
import pytest

from training.evaluate import ShuffledRun
from training.head import Samples
from training.shuffled import judge_shuffled, shuffle_labels, shuffle_until_chance

CHANCE, ABOVE = 0.1, 0.3


@pytest.mark.parametrize(
    "accuracies, tried, is_chance",
    [
        ((CHANCE,), 1, True),
        ((ABOVE, CHANCE), 2, True),
        ((ABOVE, ABOVE, CHANCE), 3, True),
        ((ABOVE, ABOVE, ABOVE), 3, False),
    ],
)
def test_until_chance(accuracies, tried, is_chance):
    """One shuffle is enough if it falls to chance; three that do not are a leak."""

    def run(shuffle):
        return ShuffledRun(accuracy=accuracies[shuffle], count=1000, chance=CHANCE)

    judged = shuffle_until_chance(run)

    assert (judged.shuffles, judged.is_chance) == (tried, is_chance)
    assert judged.accuracy == accuracies[tried - 1]


def test_labels_move():
    """Features stay; labels come in another order, each with its own weight."""
    targets = np.arange(100) % 5
    samples = Samples(
        features=np.arange(100), targets=targets, classes=5, weights=(targets + 1) / 10
    )

    shuffled = shuffle_labels(samples, np.random.default_rng(3))

    assert (shuffled.features == samples.features).all()
    assert (np.bincount(shuffled.targets) == 20).all()
    assert (shuffled.targets != targets).sum() > 50
    assert np.allclose(shuffled.weights, (shuffled.targets + 1) / 10)


def test_judged():
    """Two of three right; the most frequent class is two of three."""
    logits = np.array([[1, 0], [1, 0], [0, 1]], np.float32)

    judged = judge_shuffled(logits, np.array([0, 1, 1]))

    assert judged == ShuffledRun(accuracy=2 / 3, count=3, chance=2 / 3)
