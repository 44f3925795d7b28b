"""What a stage of training leaves to look at: one value an epoch."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class History:
    """Loss and accuracy (0-1) of each epoch; best_epoch counts from 0 and was kept."""

    train_loss: tuple[float, ...]
    train_accuracy: tuple[float, ...]
    validation_loss: tuple[float, ...]
    validation_accuracy: tuple[float, ...]
    best_epoch: int


@dataclass(frozen=True, kw_only=True)
class Stage:
    """One part of training, such as the head or fine-tuning.

    is_kept is False where validation was better without it; seconds is its wall time.
    """

    title: str
    history: History
    seconds: float
    is_kept: bool = True
