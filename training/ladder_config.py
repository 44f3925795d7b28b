"""The rungs of the ladder, and every knob of climbing it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from training.config import CACHE_DIR, TrainingConfig


@dataclass(frozen=True, kw_only=True)
class Rung:
    """One model of the course project and the validation accuracy (0-1) it names.

    network is a name of scratch.py; None stands for the pretrained backbone.
    """

    title: str
    band: tuple[float, float]
    network: str | None = None


# Source: the course project's own text about its four models on cats_and_dogs_filtered.
RUNGS = {
    1: Rung(title="two convolutions", band=(0.60, 0.63), network="ladder-1"),
    2: Rung(title="one, photos changed", band=(0.57, 0.60), network="ladder-2"),
    3: Rung(title="two, changed, scaled", band=(0.70, 0.72), network="ladder-3"),
    4: Rung(title="pretrained backbone", band=(0.96, 0.97)),
}


@dataclass(frozen=True, kw_only=True)
class LadderConfig:
    """One climb; rungs are numbers of RUNGS, output holds a model's folder for each.

    backbone, weights and size (pixels, square) are those of the pretrained rung;
    cache_dir is that of TrainingConfig.
    """

    data: str = "cats-vs-dogs"
    output: Path = Path("models/ladder")
    datasets_dir: Path = Path("datasets")
    rungs: tuple[int, ...] = tuple(RUNGS)
    seed: int = TrainingConfig.seed
    backbone: str = TrainingConfig.backbone
    weights: str = TrainingConfig.weights
    size: int | None = None
    max_epochs: int = 200
    cache_dir: Path | None = CACHE_DIR
    resumes: bool = False
