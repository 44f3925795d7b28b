"""The same training on labels that mean nothing: it must not do better than chance."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from training.config import HeadConfig
from training.epochs import EpochBar
from training.evaluate import ShuffledRun
from training.head import Samples, fit_head


def run_shuffled(
    train: Samples, validation: Samples, config: HeadConfig, seed: int
) -> ShuffledRun:
    """Train a head on shuffled labels and judge it on validation's true ones.

    A result above chance means that the pipeline gives away what it should not, such
    as labels among the features or photos of validation in train. The test part stays
    untouched.
    """
    chance = np.random.default_rng(seed)
    head, _ = fit_head(
        _shuffle_labels(train, chance),
        _shuffle_labels(validation, chance),
        config,
        seed,
        [EpochBar(config.max_epochs, "training on shuffled labels")],
    )
    logits = head(validation.features, training=False).numpy()
    counts = np.bincount(validation.targets)
    return ShuffledRun(
        accuracy=float((logits.argmax(axis=1) == validation.targets).mean()),
        count=len(validation.targets),
        chance=float(counts.max() / counts.sum()),
    )


def _shuffle_labels(samples: Samples, chance: np.random.Generator) -> Samples:
    """Labels go to other photos, and take the weights of their own along."""
    order = chance.permutation(len(samples.targets))
    weights = None if samples.weights is None else samples.weights[order]
    return replace(samples, targets=samples.targets[order], weights=weights)
