"""report.json: everything the report says, as data for tools.

Schema version 1, always these keys: schema_version; contract (as contract.json); test
(count, accuracy, interval_95, majority_baseline, confusion, confusions, classes, and
weighted, null where all photos count alike); calibration, shuffled_labels and
cross_validation (null if not made); stages (each with title, is_kept, seconds,
history); findings; near_duplicates; mistakes; is_given_split; pixel_difference;
export_score_difference; photos_per_second; half_precision; seconds; config; command.
Shares are 0-1 and a value that does not exist is null: no NaN, no infinity.
"""

from __future__ import annotations

import math
from dataclasses import asdict

import numpy as np

from training.checks import photo_name
from training.evaluate import ClassFigures, EvaluationReport
from training.near_duplicates import Pair
from training.report_facts import ReportFacts
from training.report_view import list_confusions, list_knobs

SCHEMA_VERSION = 1
# A matrix of 1000 classes is ten megabytes of zeros; `confusions` says the same.
MAX_MATRIX_CLASSES = 50
_ROC_POINTS = 101


def build_document(facts: ReportFacts, score_difference: float) -> dict[str, object]:
    """The content of report.json; only lists, dicts, texts, numbers and None."""
    document = {
        "schema_version": SCHEMA_VERSION,
        "contract": asdict(facts.contract),
        "test": _test(facts.evaluation),
        "calibration": facts.calibration and asdict(facts.calibration),
        "shuffled_labels": facts.shuffled
        and {
            **asdict(facts.shuffled),
            "interval_95": facts.shuffled.interval,
            "is_chance": facts.shuffled.is_chance,
        },
        "cross_validation": facts.cross_validation
        and {
            **asdict(facts.cross_validation),
            "accuracy": facts.cross_validation.accuracy,
            "interval_95": facts.cross_validation.interval,
        },
        "stages": [asdict(stage) for stage in facts.stages],
        "findings": facts.findings,
        "near_duplicates": [_pair(pair) for pair in facts.near_duplicates],
        "mistakes": _mistakes(facts),
        "is_given_split": facts.is_given_split,
        "pixel_difference": facts.pixel_difference,
        "export_score_difference": score_difference,
        "photos_per_second": facts.photos_per_second,
        "half_precision": facts.half_precision and asdict(facts.half_precision),
        "seconds": facts.seconds,
        "config": facts.config and list_knobs(facts.config),
        "command": facts.command,
    }
    return _plain(document)


def _test(evaluation: EvaluationReport) -> dict[str, object]:
    has_matrix = len(evaluation.labels) <= MAX_MATRIX_CLASSES
    return {
        "count": evaluation.count,
        "accuracy": evaluation.accuracy,
        "interval_95": evaluation.interval,
        "majority_baseline": evaluation.majority_baseline,
        "confusion": evaluation.confusion.tolist() if has_matrix else None,
        "confusions": [asdict(row) for row in list_confusions(evaluation)],
        "classes": [_class(figures) for figures in evaluation.classes],
        "weighted": evaluation.weighted
        and {
            **asdict(evaluation.weighted),
            "interval_95": evaluation.weighted.interval,
        },
    }


def _class(figures: ClassFigures) -> dict[str, object]:
    """A class with its curve thinned out evenly; the area is that of all steps."""
    roc = None
    if figures.roc:
        rates = figures.roc.false_positive_rate, figures.roc.true_positive_rate
        steps = len(rates[0])
        kept = np.linspace(0, steps - 1, min(steps, _ROC_POINTS)).round().astype(int)
        roc = {
            "area": figures.roc.area,
            "false_positive_rate": rates[0][kept].tolist(),
            "true_positive_rate": rates[1][kept].tolist(),
        }
    return {
        "label": figures.label,
        "count": figures.count,
        "precision": figures.precision,
        "recall": figures.recall,
        "f1": figures.f1,
        "roc": roc,
    }


def _pair(pair: Pair) -> dict[str, object]:
    return {
        "first": {"part": pair.first_part, "photo": photo_name(pair.first)},
        "second": {"part": pair.second_part, "photo": photo_name(pair.second)},
        "likeness": pair.likeness,
        "is_mirrored": pair.is_mirrored,
        "is_copy": pair.is_copy,
    }


def _mistakes(facts: ReportFacts) -> list[dict[str, object]]:
    labels = facts.contract.labels
    return [
        {
            "photo": photo_name(mistake.photo),
            "label": labels[mistake.target],
            "predicted": labels[mistake.predicted],
            "score": mistake.score,
            "label_score": mistake.target_score,
        }
        for mistake in facts.mistakes
    ]


def _plain(value: object) -> object:
    """The same in JSON's own kinds; what is no number there becomes None."""
    if isinstance(value, dict):
        return {key: _plain(part) for key, part in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(part) for part in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value
