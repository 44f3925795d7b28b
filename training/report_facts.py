"""All that a run hands to its report."""

from __future__ import annotations

from dataclasses import dataclass

from gateway.contract import Contract
from training.calibration import Calibration
from training.config import TrainingConfig
from training.evaluate import CrossValidation, EvaluationReport, ShuffledRun
from training.half_precision import HalfPrecision
from training.history import Stage
from training.mistakes import JudgedPhoto
from training.near_duplicates import Pair


@dataclass(frozen=True, kw_only=True)
class ReportFacts:
    """All that the report says; what is None or empty leaves its section out.

    seconds is the wall time from start to evaluation; mistakes and right are test
    photos; command is what was typed; pixel_difference is the largest between the
    trainer's and the gateway's pixels, 0-255; photos_per_second as TrainedModel
    has it.
    """

    contract: Contract
    evaluation: EvaluationReport
    stages: tuple[Stage, ...]
    findings: tuple[str, ...]
    is_given_split: bool
    seconds: float
    config: TrainingConfig | None = None
    command: str | None = None
    calibration: Calibration | None = None
    near_duplicates: tuple[Pair, ...] = ()
    mistakes: tuple[JudgedPhoto, ...] = ()
    right: tuple[JudgedPhoto, ...] = ()
    shuffled: ShuffledRun | None = None
    cross_validation: CrossValidation | None = None
    pixel_difference: float | None = None
    photos_per_second: float | None = None
    half_precision: HalfPrecision | None = None
