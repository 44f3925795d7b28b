"""Where an interrupted run is found again; another run never takes it for its own."""

from __future__ import annotations

import fcntl
import hashlib
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from training.cache import tell_disk
from training.config import TrainingConfig
from training.datasets import Split
from training.errors import UnfitCache
from training.scratch import SCRATCH_NETWORKS


@contextmanager
def open_run_folder(config: TrainingConfig, split: Split) -> Iterator[Path | None]:
    """The run's own folder below the cache, empty unless the run is to go on.

    Known by the photos and by every knob that changes the outcome; it is gone when the
    run came to its end. None without a cache: such a run begins anew each time. None
    too where a head alone is trained, in seconds and from features that are kept.

    Raises:
        UnfitCache: Nothing can be written there, or the same run is at work in it.
    """
    has_epochs = config.fine_tuning.max_epochs or config.backbone in SCRATCH_NETWORKS
    if config.cache_dir is None or not has_epochs:
        yield None
        return
    folder = config.cache_dir / "unfinished" / _name_run(config, split)
    with _own(folder):
        if not config.resumes:
            for stage in filter(Path.is_dir, folder.iterdir()):
                shutil.rmtree(stage)
        yield folder
        shutil.rmtree(folder)


@contextmanager
def open_stage_folder(folder: Path | None, stage: str) -> Iterator[Path]:
    """A stage's folder within the run's; among temporary files where there is none.

    Raises:
        UnfitCache: Nothing can be written there.
    """
    if folder is None:
        with tempfile.TemporaryDirectory() as passing:
            yield Path(passing)
    else:
        with tell_disk(folder):
            (folder / stage).mkdir(exist_ok=True)
        yield folder / stage


def _name_run(config: TrainingConfig, split: Split) -> str:
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
    told = f"{split.fingerprint} {indifferent}"
    return hashlib.sha256(told.encode()).hexdigest()[:16]


@contextmanager
def _own(folder: Path) -> Iterator[None]:
    """Nobody else's while it lasts; the lock ends with the process in any case."""
    with tell_disk(folder):
        folder.mkdir(parents=True, exist_ok=True)
        lock = (folder / "lock").open("w", encoding="utf-8")
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise UnfitCache(
                "expected one run of the same photos and knobs at a time, found "
                f"another at work in '{folder}': wait for it, or train with --no-cache"
            ) from error
        yield
