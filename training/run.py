"""One training run, from photos to a version folder: the table of contents."""

from __future__ import annotations

import functools
import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from training.backbones import build_backbone
from training.checks import check_split
from training.config import TrainingConfig
from training.datasets import Split, load_split
from training.errors import ExportRefused
from training.evaluate import EvaluationReport
from training.export import check_output, export_model, write_contract
from training.fit import TrainedModel, fit_model
from training.fit_scratch import fit_scratch
from training.history import Stage
from training.judge import judge_model
from training.keras_file import write_keras_file
from training.model import Classifier
from training.near_duplicates import find_near_duplicates, tell_near_duplicates
from training.pictures import DecodedSplit, decode_split
from training.report import ReportFacts, write_report
from training.scratch import SCRATCH_NETWORKS, picture_size

GOLDEN_PICTURES = 16


@dataclass(frozen=True, kw_only=True)
class RunResult:
    """What a finished run leaves; version_folder holds the model and its report."""

    version_folder: Path
    evaluation: EvaluationReport
    findings: tuple[str, ...]
    stages: tuple[Stage, ...]


def run(config: TrainingConfig) -> RunResult:
    """Train, judge and export one model.

    Raises:
        TrainingError: Photos, names or the result do not allow it; nothing is left.
    """
    start = time.monotonic()
    split = load_split(config.data, config.datasets_dir, config.test_fraction)
    check_split(split)
    check_output(config.output)
    size, fit = _choose_network(config)
    decoded = decode_split(split, size, config.skips_unreadable)
    findings = _tell_skipped(split, decoded) + check_split(decoded.split)
    near_duplicates = find_near_duplicates(decoded)
    findings += tell_near_duplicates(near_duplicates)
    trained = fit(decoded)
    judgment = judge_model(trained, decoded)
    evaluation = judgment.evaluation
    if evaluation.accuracy < config.min_accuracy:
        raise ExportRefused(
            f"expected a test accuracy of at least {config.min_accuracy}, "
            f"reached {evaluation.accuracy:.4f}: nothing was exported"
        )
    contract = write_contract(
        Path(os.path.abspath(config.output)).name,
        judgment.classifier,
        decoded.split,
        evaluation,
    )
    facts = ReportFacts(
        contract=contract,
        evaluation=evaluation,
        stages=trained.stages,
        findings=findings,
        is_given_split=split.is_given,
        seconds=time.monotonic() - start,
        config=config,
        calibration=judgment.calibration,
        near_duplicates=near_duplicates,
        mistakes=judgment.mistakes,
        right=judgment.right,
    )
    version_folder = export_model(
        judgment.classifier,
        contract,
        decoded.test.batch[:GOLDEN_PICTURES],
        functools.partial(_write_beside, facts, judgment.classifier),
        config.output,
    )
    return RunResult(
        version_folder=version_folder,
        evaluation=evaluation,
        findings=findings,
        stages=trained.stages,
    )


def _write_beside(
    facts: ReportFacts, classifier: Classifier, folder: Path, difference: float
) -> None:
    """The report into its folder, and beside that folder what else was asked for."""
    write_report(facts, folder, difference)
    if facts.config and facts.config.keeps_keras:
        write_keras_file(classifier, folder.parent)


def _choose_network(
    config: TrainingConfig,
) -> tuple[tuple[int, int], Callable[[DecodedSplit], TrainedModel]]:
    """The pictures' (height, width) and what trains on them."""
    if config.backbone in SCRATCH_NETWORKS:
        return picture_size(config), functools.partial(fit_scratch, config)
    backbone = build_backbone(config.backbone, config.weights)
    return backbone.size, lambda decoded: fit_model(backbone, decoded, config)


def _tell_skipped(split: Split, decoded: DecodedSplit) -> tuple[str, ...]:
    skipped = len(split.photos) - len(decoded.split.photos)
    return (f"{skipped} unreadable files were left out",) if skipped else ()
