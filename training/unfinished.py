"""Where an interrupted run is found again; another run never takes it for its own."""

from __future__ import annotations

import hashlib
import shutil
from dataclasses import replace
from pathlib import Path

from training.config import TrainingConfig
from training.datasets import Split


def open_run_folder(config: TrainingConfig, split: Split) -> Path | None:
    """The run's own folder below the cache, empty unless the run is to go on.

    Known by the photos and by every knob that changes the outcome. None without a
    cache: such a run begins anew each time.
    """
    if config.cache_dir is None:
        return None
    indifferent = replace(
        config,
        data="",
        output=Path(),
        datasets_dir=Path(),
        cache_dir=None,
        resumes=False,
        min_accuracy=0.0,
        keeps_keras=False,
        tensorboard_dir=None,
        folds=0,
    )
    told = hashlib.sha256(f"{split.fingerprint} {indifferent}".encode()).hexdigest()
    folder = config.cache_dir / "unfinished" / told[:16]
    if not config.resumes:
        shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def close_run_folder(folder: Path | None) -> None:
    """Forget a run that came to its end."""
    if folder is not None:
        shutil.rmtree(folder, ignore_errors=True)
