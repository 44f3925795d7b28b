"""What happens around epochs: the bar, the best one, and going on after a stop.

Owns the files of an unfinished training; knows no network.
"""

from __future__ import annotations

import json
import os
import zipfile
from collections.abc import Callable
from pathlib import Path

import keras
import numpy as np

from training.cache import tell_disk
from training.errors import DAMAGE, UnfitCache
from training.history import History
from training.progress import ProgressBar

_Logs = dict[str, list[float]]
_DAMAGE = (*DAMAGE, zipfile.BadZipFile)


def least_loss(logs: _Logs) -> int:
    """The first epoch of the least validation loss; one that is no number is none."""
    return int(np.argmin(np.nan_to_num(logs["val_loss"], nan=np.inf)))


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
    """Stops when validation no longer gets better, and goes back to its best epoch.

    After each epoch its folder holds all that an interrupted training needs to go on
    as if nothing had been. An epoch's weights, its optimizer, and where the chance of
    dropout and augmentation stands are a file; notes.json, renamed into place behind
    it, holds the figures of all epochs and so says which files count.
    """

    def __init__(
        self,
        folder: Path,
        patience_epochs: int | None = None,
        choose: Callable[[_Logs], int] = least_loss,
    ) -> None:
        """Find what an interrupted training left.

        Args:
            folder: Must exist; nobody else's.
            patience_epochs: Without a better one, then it stops; None: it never does.
            choose: Names the best epoch by the figures of all.

        Raises:
            UnfitCache: What lies there is damaged.
        """
        super().__init__()
        self._folder, self._patience_epochs = folder, patience_epochs
        self._choose = choose
        self._logs: _Logs = {}
        if self._notes_path.is_file():
            try:
                self._logs = json.loads(self._notes_path.read_text(encoding="utf-8"))
                read_history(self._logs)
            except _DAMAGE as error:
                raise self._damaged() from error

    @property
    def is_over(self) -> bool:
        """Validation has not become better for as long as one waits."""
        if self._patience_epochs is None:
            return False
        return self._count - 1 - self._best >= self._patience_epochs

    @property
    def history(self) -> History:
        """What was noted so far; there must be an epoch."""
        return read_history(self._logs, self._choose)

    def resume(self, model: keras.Model) -> int:
        """Put the compiled model where its last whole epoch left it; the next epoch.

        Raises:
            UnfitCache: The files are damaged, or another model's.
        """
        if self._count:
            model.optimizer.build(model.trainable_variables)
            self._load(self._count - 1, model)
        return self._count

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        """Write down the epoch, whole or not at all; Keras calls this.

        Raises:
            UnfitCache: The disk took no more.
        """
        for name, value in logs.items():
            self._logs.setdefault(name, []).append(float(value))
        with tell_disk(self._folder):
            self._write(epoch)
        self.model.stop_training = self.is_over

    def restore(self, model: keras.Model) -> None:
        """Give the model the weights of the best epoch.

        Raises:
            UnfitCache: The file is damaged.
        """
        self._load(self._best, model)

    def _load(self, epoch: int, model: keras.Model) -> None:
        try:
            # np.load leaves its own file open when that is damaged.
            with self._epoch_path(epoch).open("rb") as file, np.load(file) as arrays:
                for number, variable in enumerate(_variables(model)):
                    variable.assign(arrays[f"arr_{number}"])
        except _DAMAGE as error:
            raise self._damaged() from error

    def _write(self, epoch: int) -> None:
        aside = self._folder / "writing"
        with aside.open("wb") as file:
            np.savez(file, *(part.numpy() for part in _variables(self.model)))
        os.replace(aside, self._epoch_path(epoch))
        aside.write_text(json.dumps(self._logs), encoding="utf-8")
        os.replace(aside, self._notes_path)
        kept = {self._epoch_path(epoch), self._epoch_path(self._best)}
        for path in set(self._folder.glob("epoch-*.npz")) - kept:
            path.unlink()

    def _damaged(self) -> UnfitCache:
        return UnfitCache(
            f"expected what an interrupted run wrote in '{self._folder}', found "
            "damaged files: begin anew without --resume"
        )

    @property
    def _best(self) -> int:
        return self._choose(self._logs) if self._count else 0

    @property
    def _count(self) -> int:
        return len(self._logs.get("val_loss", ()))

    @property
    def _notes_path(self) -> Path:
        return self._folder / "notes.json"

    def _epoch_path(self, epoch: int) -> Path:
        return self._folder / f"epoch-{epoch + 1}.npz"


def read_history(logs: _Logs, choose: Callable[[_Logs], int] = least_loss) -> History:
    """What Keras noted in each epoch, and the one that is chosen."""
    return History(
        train_loss=tuple(logs["loss"]),
        train_accuracy=tuple(logs["accuracy"]),
        validation_loss=tuple(logs["val_loss"]),
        validation_accuracy=tuple(logs["val_accuracy"]),
        best_epoch=choose(logs),
    )


def _variables(model: keras.Model) -> list[keras.Variable]:
    """Weights, the states of all that draws at random, and the optimizer's."""
    return [*model.variables, *model.optimizer.variables]
