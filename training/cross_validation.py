"""How well the way of training does, each photo judged by a model that never saw it.

Owns how photos are dealt out to folds.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from training.config import TrainingConfig
from training.datasets import VALIDATION_FRACTION
from training.evaluate import CrossValidation
from training.pictures import Pixels
from training.progress import ProgressBar
from training.transfer import TransferLearner


def cross_validate(
    learner: TransferLearner, pixels: Pixels, classes: int, config: TrainingConfig
) -> CrossValidation:
    """Train config.folds times, each time without one fold, and judge that one.

    All choices (when to stop, whether fine-tuning is kept) are made on a validation
    part cut from the other folds; nothing is chosen by the result.
    """
    correct = [
        logits.argmax(axis=1) == pixels.targets[part]
        for part, logits in predict_folds(learner, pixels, classes, config.folds)
    ]
    return CrossValidation(
        folds=tuple(float(hits.mean()) for hits in correct),
        correct=int(sum(hits.sum() for hits in correct)),
        count=len(pixels.targets),
    )


def predict_folds(
    learner: TransferLearner, pixels: Pixels, classes: int, folds: int
) -> Iterator[tuple[NDArray[np.int64], NDArray[np.float32]]]:
    """Fold after fold: indices of its pictures, and logits (n, classes) of them.

    The model that gives them was trained on the other folds alone.
    """
    parts = deal_out(pixels, folds)
    for number, part in enumerate(parts):
        rest = np.concatenate([*parts[:number], *parts[number + 1 :]])
        train, validation = _cut_validation(pixels, rest)
        ProgressBar.write(f"fold {number + 1} of {folds}", file=sys.stderr)
        trained = learner.fit(pixels.take(train), pixels.take(validation), classes)
        yield part, trained.predict_logits(pixels.take(part), "scores of the fold")


def deal_out(pixels: Pixels, folds: int) -> list[NDArray[np.int64]]:
    """Indices of each fold: every class evenly, equal files into the same fold.

    The order is that of the content's digests: the same photos, the same folds.
    """
    order = sorted(
        range(len(pixels.digests)),
        key=lambda index: (pixels.targets[index], pixels.digests[index]),
    )
    home: dict[str, int] = {}
    for index in order:
        home.setdefault(pixels.digests[index], len(home) % folds)
    homes = np.array([home[digest] for digest in pixels.digests])
    return [np.flatnonzero(homes == fold) for fold in range(folds)]


def _cut_validation(
    pixels: Pixels, rest: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    parts = deal_out(pixels.take(rest), round(1 / VALIDATION_FRACTION))
    return rest[np.concatenate(parts[1:])], rest[parts[0]]
