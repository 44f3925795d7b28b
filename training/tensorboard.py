"""The stages of a run as TensorBoard logs, one folder for each curve."""

from __future__ import annotations

from pathlib import Path

import tensorflow as tf

from training.history import Stage


def write_tensorboard(stages: tuple[Stage, ...], folder: Path) -> None:
    """Write loss and accuracy of each epoch below folder/STAGE/train and validation."""
    for stage in stages:
        history = stage.history
        curves = {
            "train": (history.train_loss, history.train_accuracy),
            "validation": (history.validation_loss, history.validation_accuracy),
        }
        for part, (losses, accuracies) in curves.items():
            with tf.summary.create_file_writer(
                str(folder / stage.title / part)
            ).as_default():
                for epoch, (loss, accuracy) in enumerate(zip(losses, accuracies)):
                    tf.summary.scalar("loss", loss, step=epoch)
                    tf.summary.scalar("accuracy", accuracy, step=epoch)
