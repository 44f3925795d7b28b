"""The same training on labels that mean nothing: it must not do better than chance."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from training.config import HeadConfig
from training.epochs import EpochBar
from training.evaluate import ShuffledRun
from training.head import Samples, fit_head
from training.pictures import Pixels

# Photos of a class are alike and get one label together; which one is luck, and among
# ten classes two may be hit. A leak helps whatever the order, luck seldom three times.
MOST_SHUFFLES = 3

_Labeled = TypeVar("_Labeled", Samples, Pixels)


def run_shuffled(
    train: Samples, validation: Samples, config: HeadConfig, seed: int
) -> ShuffledRun:
    """Train a head on shuffled labels and judge it on validation's true ones.

    A result above chance means that the pipeline gives away what it should not, such
    as labels among the features or photos of validation in train. The test part stays
    untouched.
    """

    def run(shuffle: int) -> ShuffledRun:
        chance = np.random.default_rng(seed + shuffle)
        head, _ = fit_head(
            shuffle_labels(train, chance),
            shuffle_labels(validation, chance),
            config,
            seed,
            [EpochBar(config.max_epochs, shuffled_title(shuffle))],
        )
        logits = head(validation.features, training=False).numpy()
        return judge_shuffled(logits, validation.targets)

    return shuffle_until_chance(run)


def shuffle_until_chance(run: Callable[[int], ShuffledRun]) -> ShuffledRun:
    """Run with shuffle 0, 1, ...: the first that falls to chance, else the last one."""
    for shuffle in range(MOST_SHUFFLES):
        judged = replace(run(shuffle), shuffles=shuffle + 1)
        if judged.is_chance:
            break
    return judged


def shuffle_labels(rows: _Labeled, chance: np.random.Generator) -> _Labeled:
    """Labels go to other photos, and take the weights of their own along."""
    order = chance.permutation(len(rows.targets))
    weights = None if rows.weights is None else rows.weights[order]
    return replace(rows, targets=rows.targets[order], weights=weights)


def judge_shuffled(
    logits: NDArray[np.float32], targets: NDArray[np.int64]
) -> ShuffledRun:
    """Logits, (n, classes), against the true labels, (n,)."""
    counts = np.bincount(targets)
    return ShuffledRun(
        accuracy=float((logits.argmax(axis=1) == targets).mean()),
        count=len(targets),
        chance=float(counts.max() / counts.sum()),
    )


def shuffled_title(shuffle: int) -> str:
    """What the bar says of one shuffle."""
    again = f", shuffle {shuffle + 1}" if shuffle else ""
    return f"training on shuffled labels{again}"
