"""A stage of training as TensorBoard logs, one folder for each curve, while it runs."""

from __future__ import annotations

from pathlib import Path

import keras
import tensorflow as tf

_PREFIXES = {"train": "", "validation": "val_"}


def stage_logs(folder: Path | None, stage: str) -> list[keras.callbacks.Callback]:
    """What writes a stage's logs below folder/STAGE; nothing without a folder."""
    return [] if folder is None else [_StageLog(folder / stage)]


class _StageLog(keras.callbacks.Callback):
    """Loss and accuracy of each epoch, on the disk as soon as it ends."""

    def __init__(self, folder: Path) -> None:
        super().__init__()
        self._writers = {
            part: tf.summary.create_file_writer(str(folder / part))
            for part in _PREFIXES
        }

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        """Write both curves' next point; Keras calls this."""
        for part, prefix in _PREFIXES.items():
            with self._writers[part].as_default():
                for name in ("loss", "accuracy"):
                    tf.summary.scalar(name, logs[prefix + name], step=epoch)
            self._writers[part].flush()

    def on_train_end(self, logs: dict[str, float] | None = None) -> None:
        """Close the files; Keras calls this."""
        for writer in self._writers.values():
            writer.close()
