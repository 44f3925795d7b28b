"""A trained model meets photos it never saw: the test part is looked at here, once."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from training.calibration import Calibration, calibrate, fit_temperature
from training.errors import ExportRefused
from training.evaluate import EvaluationReport, evaluate_scores, softmax
from training.mistakes import JudgedPhoto, sample_right, worst_mistakes
from training.model import Classifier
from training.pictures import DecodedSplit
from training.trained_model import TrainedModel


@dataclass(frozen=True, kw_only=True)
class Judgment:
    """What came out, and the classifier with the temperature it was judged with."""

    classifier: Classifier
    evaluation: EvaluationReport
    calibration: Calibration
    mistakes: tuple[JudgedPhoto, ...]
    right: tuple[JudgedPhoto, ...]


def judge_model(trained: TrainedModel, decoded: DecodedSplit) -> Judgment:
    """Set the temperature by validation, then judge on the test part.

    Raises:
        ExportRefused: The scores are no numbers.
    """
    test, photos = decoded.test, decoded.split.test
    seen = trained.predict_logits(decoded.validation, "scores of validation")
    if not np.isfinite(seen).all():
        raise ExportRefused(
            "expected finite scores, found some that are not: training diverged; try "
            "a lower --learning-rate"
        )
    validation = decoded.validation
    temperature = fit_temperature(seen, validation.targets, validation.weights)
    classifier = replace(trained.classifier, temperature=temperature)
    logits = trained.predict_logits(test, "scores of test")
    scores = softmax(logits / np.float32(temperature))
    return Judgment(
        classifier=classifier,
        evaluation=evaluate_scores(
            scores, test.targets, decoded.split.labels, test.weights
        ),
        calibration=calibrate(logits, test.targets, temperature, test.weights),
        mistakes=worst_mistakes(scores, test, photos, classifier.explain),
        right=sample_right(scores, test, photos, classifier.explain),
    )
