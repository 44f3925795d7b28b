"""Every knob of a training run, with unit and default."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass, field
from pathlib import Path


def _find_cache() -> Path:
    """Below the home; a user who has none (a bare number in a container) has /tmp."""
    try:
        return Path.home() / ".cache" / "image-classifier"
    except RuntimeError:
        return Path(tempfile.gettempdir()) / "image-classifier"


CACHE_DIR = _find_cache()


@dataclass(frozen=True, kw_only=True)
class Augmentation:
    """How far a train picture may be changed; each change is drawn per picture.

    rotate is in degrees to either side, shift and zoom in shares (0-1) of the side.
    turns adds the quarter turns and their mirror images: for what has no up.
    """

    flip: bool = True
    turns: bool = False
    rotate: float = 10.0
    shift: float = 0.05
    zoom: float = 0.15


@dataclass(frozen=True, kw_only=True)
class HeadConfig:
    """How the last layer learns; it stops when validation loss no longer falls."""

    max_epochs: int = 200
    patience_epochs: int = 15
    batch_size: int = 64
    learning_rate: float = 1e-3
    dropout: float = 0.2
    weight_decay: float = 1e-4
    label_smoothing: float = 0.0
    balances_classes: bool = False


@dataclass(frozen=True, kw_only=True)
class FineTuningConfig:
    """How the backbone's top blocks learn after the head; 0 epochs: they do not.

    Each epoch shows another of so many passes, and then the first again. The blocks
    hold at least share (0-1) of the network's weights: measured with
    EfficientNet-Lite0 on food, a lower cut costs several times more and gains little;
    pictures unlike ImageNet's need it. mixup is alpha of the Beta distribution that
    two pictures are mixed by (Zhang et al. 2018), here their maps; 0 mixes none.
    Validation judges, and the best epoch keeps, the weights' running average over
    about average_epochs (Polyak and Juditsky 1992); 0 takes each as it is.
    """

    max_epochs: int = 0
    passes: int = 6
    patience_epochs: int = 3
    batch_size: int = 32
    learning_rate: float = 1e-4
    share: float = 0.45
    mixup: float = 0.0
    average_epochs: float = 0.0


@dataclass(frozen=True, kw_only=True)
class TrainingConfig:
    """One run, from photos to a version folder.

    data is a folder or the name of a data set; output the model's folder, which gets
    one more version; datasets_dir is where ready copies of named data sets lie.
    weights are "imagenet", "random" or a file. size (pixels, square) is the backbone's
    own where None. test_fraction and validation_fraction cut a folder that comes
    without a split. cache_dir keeps features between runs; None keeps nothing.
    """

    data: str
    output: Path
    datasets_dir: Path = Path("datasets")
    cache_dir: Path | None = CACHE_DIR
    test_fraction: float = 0.15
    validation_fraction: float = 0.15
    skips_unreadable: bool = False

    backbone: str = "efficientnet-lite0"
    weights: str = "imagenet"
    size: int | None = None
    seed: int = 0

    passes: int = 2
    augmentation: Augmentation = field(default_factory=Augmentation)
    head: HeadConfig = field(default_factory=HeadConfig)
    fine_tuning: FineTuningConfig = field(default_factory=FineTuningConfig)

    folds: int = 0
    search_trials: int = 0
    resumes: bool = False

    min_accuracy: float = 0.0
    keeps_keras: bool = False
    tensorboard_dir: Path | None = None
