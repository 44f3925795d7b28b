"""Every knob of a training run, with unit and default."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, kw_only=True)
class TrainingConfig:
    """One run, from photos to a version folder.

    data is a folder or the name of a data set; output the model's folder, which gets
    one more version; datasets_dir is where ready copies of named data sets lie.
    """

    data: str
    output: Path
    datasets_dir: Path = Path("datasets")
    backbone: str = "efficientnet-lite0"
    weights: str = "imagenet"
    seed: int = 0
    max_epochs: int = 200
    patience_epochs: int = 15
    head_batch_size: int = 64
    learning_rate: float = 1e-3
    dropout: float = 0.2
    weight_decay: float = 1e-4
    min_accuracy: float = 0.0
    skips_unreadable: bool = False
