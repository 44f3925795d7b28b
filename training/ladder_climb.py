"""Each rung is one ordinary training run; its figures are kept side by side.

Owns the order of the runs; every rung sees the same parts of the same photos. What is
said of a rung is read from its version folder, so that finished ones need no training.
"""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from training.config import HeadConfig, TrainingConfig
from training.datasets import load_split
from training.evaluate import wilson_interval
from training.history import History
from training.ladder_config import RUNGS, LadderConfig
from training.report_view import list_knobs
from training.run import run

_REPORT = Path("assets.extra", "report", "report.json")
_PLATEAU_EPOCHS = 10


@dataclass(frozen=True, kw_only=True)
class ClimbedRung:
    """What came out of one rung, beside what the course project names.

    Accuracies are shares, 0-1. validation_accuracy is the kept epoch's; plateau is the
    least and the greatest of the last ten epochs. seconds is the run's wall time, up to
    the export; of a resumed one, since it went on.
    """

    name: str
    title: str
    band: tuple[float, float]
    history: History
    validation_accuracy: float
    validation_interval: tuple[float, float]
    validation_count: int
    plateau: tuple[float, float]
    test_accuracy: float
    test_interval: tuple[float, float]
    test_count: int
    seconds: float
    version: str

    @property
    def verdict(self) -> str:
        """Where validation lies: "above", "within" or "below" the band."""
        low, high = self.band
        if self.validation_accuracy > high:
            return "above"
        return "within" if self.validation_accuracy >= low else "below"


def climb(config: LadderConfig) -> tuple[ClimbedRung, ...]:
    """Train, judge and export each rung.

    With config.resumes, what lies in a rung's folder from the same photos and knobs is
    taken as it is.

    Raises:
        TrainingError: As for training.run; rungs before it stay exported.
    """
    rungs = []
    for number in config.rungs:
        knobs = _configure(number, config)
        print(f"{knobs.output.name}: {RUNGS[number].title}", file=sys.stderr)
        finished = _find_finished(knobs) if config.resumes else None
        folder = finished or run(knobs).version_folder
        rungs.append(_read_rung(number, folder))
    return tuple(rungs)


def _configure(number: int, config: LadderConfig) -> TrainingConfig:
    """One rung's training; weights and size are the pretrained network's alone."""
    network = RUNGS[number].network
    knobs = TrainingConfig(
        data=config.data,
        output=config.output / f"ladder-{number}",
        datasets_dir=config.datasets_dir,
        cache_dir=config.cache_dir,
        backbone=network or config.backbone,
        seed=config.seed,
        head=HeadConfig(max_epochs=config.max_epochs),
        resumes=config.resumes,
    )
    if network:
        return knobs
    return replace(knobs, weights=config.weights, size=config.size)


def _find_finished(knobs: TrainingConfig) -> Path | None:
    """The newest version that these knobs made of these photos."""
    split = load_split(knobs.data, knobs.datasets_dir, knobs.test_fraction)
    folders = [path.parents[2] for path in knobs.output.glob(f"*/{_REPORT}")]
    numbered = [folder for folder in folders if folder.name.isdecimal()]
    for folder in sorted(numbered, key=lambda folder: int(folder.name), reverse=True):
        report = _read_report(folder)
        told = {**report["config"], "resumes": knobs.resumes}
        photos = report["contract"]["data"]["fingerprint"]
        if told == list_knobs(knobs) and photos == split.fingerprint:
            return folder
    return None


def _read_report(version_folder: Path) -> dict[str, Any]:
    return json.loads((version_folder / _REPORT).read_text(encoding="utf-8"))


def _read_rung(number: int, version_folder: Path) -> ClimbedRung:
    report = _read_report(version_folder)
    kept = [stage["history"] for stage in report["stages"] if stage["is_kept"]][-1]
    history = History(**{name: _frozen(value) for name, value in kept.items()})
    accuracies = history.validation_accuracy
    accuracy = accuracies[history.best_epoch]
    count = report["contract"]["data"]["validation"]
    return ClimbedRung(
        name=version_folder.parent.name,
        title=RUNGS[number].title,
        band=RUNGS[number].band,
        history=history,
        validation_accuracy=accuracy,
        validation_interval=wilson_interval(round(accuracy * count), count),
        validation_count=count,
        plateau=(
            min(accuracies[-_PLATEAU_EPOCHS:]),
            max(accuracies[-_PLATEAU_EPOCHS:]),
        ),
        test_accuracy=report["test"]["accuracy"],
        test_interval=tuple(report["test"]["interval_95"]),
        test_count=report["test"]["count"],
        seconds=report["seconds"],
        version=f"{version_folder.parent.name}/{version_folder.name}",
    )


def _frozen(value: object) -> object:
    return tuple(value) if isinstance(value, list) else value
