"""Each rung is one ordinary training run; its figures are kept side by side.

Owns the order of the runs; every rung sees the same parts of the same photos.
"""

from __future__ import annotations

import sys
import time
from dataclasses import dataclass, replace
from pathlib import Path

from gateway.contract import read_contract
from training.config import TrainingConfig
from training.evaluate import wilson_interval
from training.history import History
from training.ladder_config import RUNGS, LadderConfig
from training.run import RunResult, run

_PLATEAU_EPOCHS = 10


@dataclass(frozen=True, kw_only=True)
class ClimbedRung:
    """What came out of one rung, beside what the course project names.

    Accuracies are shares, 0-1. validation_accuracy is the kept epoch's; plateau is the
    least and the greatest of the last ten epochs. seconds is the whole run's wall time.
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

    Raises:
        TrainingError: As for training.run; rungs before it stay exported.
    """
    return tuple(_climb_rung(number, config) for number in config.rungs)


def _climb_rung(number: int, config: LadderConfig) -> ClimbedRung:
    rung = RUNGS[number]
    name = f"ladder-{number}"
    print(f"{name}: {rung.title}", file=sys.stderr)
    start = time.monotonic()
    defaults = TrainingConfig(data=config.data, output=config.output / name)
    result = run(
        replace(
            defaults,
            datasets_dir=config.datasets_dir,
            backbone=rung.network or config.backbone,
            weights=config.weights,
            size=None if rung.network else config.size,
            seed=config.seed,
            head=replace(defaults.head, max_epochs=config.max_epochs),
        )
    )
    seconds = time.monotonic() - start
    return _compare(name, number, result, seconds)


def _compare(name: str, number: int, result: RunResult, seconds: float) -> ClimbedRung:
    history = [stage.history for stage in result.stages if stage.is_kept][-1]
    accuracies = history.validation_accuracy
    kept, count = accuracies[history.best_epoch], _validation_count(result)
    return ClimbedRung(
        name=name,
        title=RUNGS[number].title,
        band=RUNGS[number].band,
        history=history,
        validation_accuracy=kept,
        validation_interval=wilson_interval(round(kept * count), count),
        validation_count=count,
        plateau=(
            min(accuracies[-_PLATEAU_EPOCHS:]),
            max(accuracies[-_PLATEAU_EPOCHS:]),
        ),
        test_accuracy=result.evaluation.accuracy,
        test_interval=result.evaluation.interval,
        test_count=result.evaluation.count,
        seconds=seconds,
        version=_version(result.version_folder),
    )


def _validation_count(result: RunResult) -> int:
    path = result.version_folder / "assets.extra" / "contract.json"
    return read_contract(path.read_bytes()).data.validation


def _version(folder: Path) -> str:
    """Model and version as the page links them: ladder-1/2."""
    return f"{folder.parent.name}/{folder.name}"
