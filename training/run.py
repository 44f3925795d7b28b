"""One training run, from photos to a version folder: the table of contents."""

from __future__ import annotations

import functools
import os
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from training.backbones import build_backbone
from training.checks import check_folds, check_split
from training.config import TrainingConfig
from training.datasets import Split, load_split
from training.errors import ExportRefused
from training.evaluate import EvaluationReport
from training.export import check_output, export_model, write_contract
from training.fit import fit_model
from training.fit_scratch import fit_scratch
from training.golden import compare_pixels, golden_pictures
from training.half_precision import compare_half_precision
from training.history import Stage
from training.judge import judge_model
from training.keras_file import write_keras_file
from training.model import Classifier
from training.near_duplicates import find_near_duplicates, tell_near_duplicates
from training.pictures import DecodedSplit, decode_split
from training.report import ReportFacts, write_report
from training.scratch import SCRATCH_NETWORKS, picture_size
from training.search import tell_search
from training.shuffled_scratch import run_shuffled_scratch
from training.trained_model import TrainedModel
from training.unfinished import open_run_folder

_Fit = Callable[[DecodedSplit, Path | None], TrainedModel]


@dataclass(frozen=True, kw_only=True)
class RunResult:
    """What a finished run leaves; version_folder holds the model and its report."""

    version_folder: Path
    evaluation: EvaluationReport
    findings: tuple[str, ...]
    stages: tuple[Stage, ...]


def run(config: TrainingConfig, command: str | None = None) -> RunResult:
    """Train, judge and export one model; the report repeats the command.

    Raises:
        TrainingError: Photos, names or the result do not allow it; nothing is left.
    """
    start = time.monotonic()
    split = load_split(
        config.data,
        config.datasets_dir,
        config.test_fraction,
        config.validation_fraction,
    )
    check_split(split)
    _check_places(config)
    if config.folds:
        check_folds(split, config.folds)
    size, fit = _choose_network(config)
    decoded = decode_split(split, size, config.skips_unreadable)
    findings = _tell_skipped(split, decoded) + check_split(decoded.split)
    near_duplicates = find_near_duplicates(decoded)
    findings += tell_near_duplicates(near_duplicates)
    with open_run_folder(config, decoded.split) as folder:
        trained = fit(decoded, folder)
        findings += tell_search(trained.trials, config.head)
        judgment = judge_model(trained, decoded)
        _require(judgment.evaluation, config.min_accuracy)
        contract = write_contract(
            Path(os.path.abspath(config.output)).name,
            judgment.classifier,
            decoded.split,
            judgment.evaluation,
        )
        facts = ReportFacts(
            contract=contract,
            evaluation=judgment.evaluation,
            stages=trained.stages,
            findings=findings,
            is_given_split=split.is_given,
            seconds=time.monotonic() - start,
            config=config,
            command=command,
            calibration=judgment.calibration,
            near_duplicates=near_duplicates,
            mistakes=judgment.mistakes,
            right=judgment.right,
            shuffled=trained.shuffled,
            cross_validation=trained.cross_validation,
            pixel_difference=compare_pixels(decoded),
            photos_per_second=trained.photos_per_second,
        )
        version_folder = export_model(
            judgment.classifier,
            contract,
            golden_pictures(decoded),
            functools.partial(_write_beside, facts, judgment.classifier, decoded),
            config.output,
        )
        return RunResult(
            version_folder=version_folder,
            evaluation=judgment.evaluation,
            findings=findings,
            stages=trained.stages,
        )


def _check_places(config: TrainingConfig) -> None:
    """See before the work that the model can be written, and not among the photos."""
    photos, output = (Path(os.path.abspath(p)) for p in (config.data, config.output))
    if photos.is_dir() and output.is_relative_to(photos):
        raise ExportRefused(
            f"expected an output outside of the photos' folder, received '{output}'"
        )
    for folder in filter(None, (config.output, config.tensorboard_dir)):
        check_output(folder)


def _require(evaluation: EvaluationReport, min_accuracy: float) -> None:
    if evaluation.accuracy < min_accuracy:
        raise ExportRefused(
            f"expected a test accuracy of at least {min_accuracy}, "
            f"reached {evaluation.accuracy:.4f}: nothing was exported"
        )


def _write_beside(
    facts: ReportFacts,
    classifier: Classifier,
    decoded: DecodedSplit,
    folder: Path,
    difference: float,
) -> None:
    """The report into its folder, and beside that folder what else was asked for."""
    version_folder = folder.parents[1]
    half = compare_half_precision(
        version_folder, facts.contract, golden_pictures(decoded)
    )
    write_report(replace(facts, half_precision=half), folder, difference)
    if facts.config and facts.config.keeps_keras:
        write_keras_file(classifier, folder.parent)


def _choose_network(config: TrainingConfig) -> tuple[tuple[int, int], _Fit]:
    """The pictures' (height, width) and what trains on them."""
    if config.backbone in SCRATCH_NETWORKS:
        return picture_size(config), lambda decoded, folder: replace(
            fit_scratch(config, decoded, folder),
            shuffled=run_shuffled_scratch(config, decoded, folder),
        )
    size = (config.size, config.size) if config.size else None
    backbone = build_backbone(config.backbone, config.weights, size)
    return backbone.size, lambda decoded, folder: fit_model(
        backbone, decoded, config, folder
    )


def _tell_skipped(split: Split, decoded: DecodedSplit) -> tuple[str, ...]:
    skipped = len(split.photos) - len(decoded.split.photos)
    return (f"{skipped} unreadable files were left out",) if skipped else ()
