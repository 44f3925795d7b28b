"""One training run, from photos to a version folder: the table of contents."""

from __future__ import annotations

import functools
import os
import time
from dataclasses import dataclass
from pathlib import Path

from training.backbones import build_backbone
from training.checks import check_split
from training.config import TrainingConfig
from training.datasets import Split, load_split
from training.errors import ExportRefused
from training.evaluate import EvaluationReport, evaluate_scores, softmax
from training.export import check_output, export_model, write_contract
from training.fit import fit_model
from training.pictures import DecodedSplit, decode_split
from training.report import ReportFacts, write_report

GOLDEN_PICTURES = 16


@dataclass(frozen=True, kw_only=True)
class RunResult:
    """What a finished run leaves; version_folder holds the model and its report."""

    version_folder: Path
    evaluation: EvaluationReport
    findings: tuple[str, ...]


def run(config: TrainingConfig) -> RunResult:
    """Train, judge and export one model.

    Raises:
        TrainingError: Photos, names or the result do not allow it; nothing is left.
    """
    start = time.monotonic()
    split = load_split(config.data, config.datasets_dir, config.test_fraction)
    check_split(split)
    check_output(config.output)
    backbone = build_backbone(config.backbone, config.weights)
    decoded = decode_split(split, backbone.size, config.skips_unreadable)
    findings = _tell_skipped(split, decoded) + check_split(decoded.split)
    trained = fit_model(backbone, decoded, config)
    scores = softmax(trained.predict_logits(decoded.test, "features of test"))
    evaluation = evaluate_scores(scores, decoded.test.targets, split.labels)
    if evaluation.accuracy < config.min_accuracy:
        raise ExportRefused(
            f"expected a test accuracy of at least {config.min_accuracy}, "
            f"reached {evaluation.accuracy:.4f}: nothing was exported"
        )
    contract = write_contract(
        Path(os.path.abspath(config.output)).name,
        trained.classifier,
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
    )
    version_folder = export_model(
        trained.classifier,
        contract,
        decoded.test.batch[:GOLDEN_PICTURES],
        functools.partial(write_report, facts),
        config.output,
    )
    return RunResult(
        version_folder=version_folder, evaluation=evaluation, findings=findings
    )


def _tell_skipped(split: Split, decoded: DecodedSplit) -> tuple[str, ...]:
    skipped = len(split.photos) - len(decoded.split.photos)
    return (f"{skipped} unreadable files were left out",) if skipped else ()
