"""What fitting leaves, whatever was fitted."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from training.evaluate import CrossValidation, ShuffledRun
from training.history import Stage
from training.model import Classifier
from training.pictures import Pixels
from training.search import Trial


@dataclass(frozen=True, kw_only=True)
class TrainedModel:
    """The classifier, the way there, and how to ask it quickly.

    predict_logits goes from pixels and a progress bar's title to float32 logits
    (n, classes), not divided by the temperature. shuffled and cross_validation tell of
    trainings made beside this one, trials of settings of the head, the best first.
    photos_per_second went through the network: a backbone's feature extraction (None
    where all features were kept from an earlier run), or a whole training from scratch.
    """

    classifier: Classifier
    stages: tuple[Stage, ...]
    predict_logits: Callable[[Pixels, str], NDArray[np.float32]]
    shuffled: ShuffledRun | None = None
    cross_validation: CrossValidation | None = None
    trials: tuple[Trial, ...] = ()
    photos_per_second: float | None = None
