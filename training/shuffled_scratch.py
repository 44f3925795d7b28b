"""A network from scratch on labels that mean nothing: it must not beat chance."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np

from training.config import TrainingConfig
from training.evaluate import ShuffledRun
from training.fit_scratch import fit_scratch
from training.pictures import DecodedSplit, Pixels

# A leak shows in few epochs, and each costs as much as one of the real training.
MAX_EPOCHS = 3


def run_shuffled_scratch(
    config: TrainingConfig, decoded: DecodedSplit, folder: Path | None = None
) -> ShuffledRun:
    """Train for MAX_EPOCHS on shuffled labels and judge on validation's true ones.

    As shuffled.py does with a head; the test part stays untouched. An interrupted run
    is found again in folder.
    """
    chance = np.random.default_rng(config.seed)
    shuffled = replace(
        decoded,
        train=_shuffle_labels(decoded.train, chance),
        validation=_shuffle_labels(decoded.validation, chance),
    )
    epochs = min(MAX_EPOCHS, config.head.max_epochs)
    brief = replace(
        config, head=replace(config.head, max_epochs=epochs), tensorboard_dir=None
    )
    title = "training on shuffled labels"
    trained = fit_scratch(brief, shuffled, folder, title)
    logits = trained.predict_logits(decoded.validation, "scores of shuffled labels")
    targets = decoded.validation.targets
    counts = np.bincount(targets)
    return ShuffledRun(
        accuracy=float((logits.argmax(axis=1) == targets).mean()),
        count=len(targets),
        chance=float(counts.max() / counts.sum()),
    )


def _shuffle_labels(pixels: Pixels, chance: np.random.Generator) -> Pixels:
    """Labels go to other photos, and take the weights of their own along."""
    order = chance.permutation(len(pixels.targets))
    weights = None if pixels.weights is None else pixels.weights[order]
    return replace(pixels, targets=pixels.targets[order], weights=weights)
