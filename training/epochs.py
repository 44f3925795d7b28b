"""What happens around epochs: the bar, the best one, and going on after a stop.

Owns the files of an unfinished training; knows no network.
"""

from __future__ import annotations

import json
import os
from pathlib import Path

import keras
import numpy as np

from training.history import History
from training.progress import ProgressBar


class EpochBar(keras.callbacks.Callback):
    """One bar over all epochs, with the figure that decides when to stop."""

    def __init__(self, epochs: int, title: str) -> None:
        super().__init__()
        self._epochs, self._title = epochs, title
        self._bar: ProgressBar | None = None

    def on_epoch_begin(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        """Start where a resumed training goes on; Keras calls this."""
        if self._bar is None:
            self._bar = ProgressBar(
                total=self._epochs, desc=self._title, unit="epoch", initial=epoch
            )

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        """Advance by one."""
        self._bar.set_postfix_str(f"validation loss {logs['val_loss']:.4f}")
        self._bar.update()

    def on_train_end(self, logs: dict[str, float] | None = None) -> None:
        """The rest of the bar falls away: training stopped by itself."""
        if self._bar is not None:
            self._bar.total = self._bar.n
            self._bar.close()


class BestEpoch(keras.callbacks.Callback):
    """Stops when validation loss no longer falls, and goes back to its best epoch.

    All it knows is in its folder after each epoch, so that an interrupted training
    goes on as if nothing had been: with it goes Keras' own BackupAndRestore.
    """

    def __init__(self, folder: Path, patience_epochs: int) -> None:
        super().__init__()
        self._folder, self._patience_epochs = folder, patience_epochs
        self._logs: list[dict[str, float]] = []
        if self._logs_path.is_file():
            self._logs = json.loads(self._logs_path.read_text(encoding="utf-8"))

    @property
    def is_over(self) -> bool:
        """Validation has not become better for as long as one waits."""
        return len(self._logs) - 1 - self._best >= self._patience_epochs

    @property
    def history(self) -> History:
        """What was noted so far; there must be an epoch."""
        return read_history(
            {name: [logs[name] for logs in self._logs] for name in self._logs[0]}
        )

    def on_epoch_begin(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        """Forget what was noted of an epoch that the backup does not hold."""
        del self._logs[epoch:]

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        """Note the epoch; keep its weights if it is the best."""
        self._logs.append({name: float(value) for name, value in logs.items()})
        if self._best == epoch:
            aside = self._folder / "aside.weights.h5"
            self.model.save_weights(aside)
            os.replace(aside, self._weights_path)
        aside = self._folder / "logs.writing"
        aside.write_text(json.dumps(self._logs), encoding="utf-8")
        os.replace(aside, self._logs_path)
        self.model.stop_training = self.is_over

    def restore(self, model: keras.Model) -> None:
        """Give the model the weights of the best epoch."""
        model.load_weights(self._weights_path)

    @property
    def _best(self) -> int:
        return _argmin([logs["val_loss"] for logs in self._logs])

    @property
    def _logs_path(self) -> Path:
        return self._folder / "logs.json"

    @property
    def _weights_path(self) -> Path:
        return self._folder / "best.weights.h5"


def read_history(logs: dict[str, list[float]]) -> History:
    """What Keras noted in each epoch, the one with the least validation loss named."""
    return History(
        train_loss=tuple(logs["loss"]),
        train_accuracy=tuple(logs["accuracy"]),
        validation_loss=tuple(logs["val_loss"]),
        validation_accuracy=tuple(logs["val_accuracy"]),
        best_epoch=_argmin(logs["val_loss"]),
    )


def _argmin(losses: list[float]) -> int:
    """The first of the lowest; a loss that is no number is none, and no loss is 0."""
    return int(np.argmin(np.nan_to_num(losses, nan=np.inf))) if losses else 0
