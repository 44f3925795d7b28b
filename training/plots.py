"""Figures of the report as PNG; matplotlib is used here only."""

from __future__ import annotations

from pathlib import Path

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from training.evaluate import EvaluationReport
from training.history import History

TRAIN_COLOR = "#8a94a6"
VALIDATION_COLOR = "#1f6feb"
BEST_COLOR = "#d1495b"
_DPI = 144
_MANY_LABELS = 12


def draw_learning_curve(history: History, path: Path) -> None:
    """Loss and accuracy of train and validation, the kept epoch marked."""
    figure = Figure(figsize=(9, 3.6), layout="constrained")
    loss_axes, accuracy_axes = figure.add_subplot(121), figure.add_subplot(122)
    _draw_lines(loss_axes, history.train_loss, history.validation_loss, "Loss")
    _draw_lines(
        accuracy_axes, history.train_accuracy, history.validation_accuracy, "Accuracy"
    )
    for axes in (loss_axes, accuracy_axes):
        axes.axvline(history.best_epoch + 1, color=BEST_COLOR, linestyle=":")
        axes.text(
            history.best_epoch + 1,
            0.02,
            " kept ",
            color=BEST_COLOR,
            ha="right" if 2 * history.best_epoch > len(history.train_loss) else "left",
            transform=axes.get_xaxis_transform(),
        )
    accuracy_axes.legend(loc="center right", frameon=False)
    figure.savefig(path, dpi=_DPI)


def _draw_lines(
    axes: Axes, train: tuple[float, ...], validation: tuple[float, ...], title: str
) -> None:
    epochs = range(1, len(train) + 1)
    axes.plot(epochs, train, color=TRAIN_COLOR, label="train")
    axes.plot(epochs, validation, color=VALIDATION_COLOR, label="validation")
    axes.set_title(title, loc="left", fontsize=11)
    axes.set_xlabel("epoch")
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(alpha=0.25)


def draw_confusion(evaluation: EvaluationReport, path: Path) -> None:
    """Counts in each cell, colored by the share of the true class."""
    count = len(evaluation.labels)
    side = min(3.2 + 0.5 * count, 14.0)
    figure = Figure(figsize=(side + 0.8, side), layout="constrained")
    axes = figure.add_subplot()
    totals = np.maximum(evaluation.confusion.sum(axis=1, keepdims=True), 1)
    shares = evaluation.confusion / totals
    axes.imshow(shares, cmap=matplotlib.colormaps["Blues"], vmin=0, vmax=1)
    # A label is text: "$" in it starts no formula.
    axes.set_xticks(
        range(count), evaluation.labels, rotation=30, ha="right", parse_math=False
    )
    axes.set_yticks(range(count), evaluation.labels, parse_math=False)
    axes.set_xlabel("predicted")
    axes.set_ylabel("true")
    if count <= _MANY_LABELS:
        for (row, column), photos in np.ndenumerate(evaluation.confusion):
            color = "white" if shares[row, column] > 0.5 else "black"
            axes.text(column, row, photos, color=color, ha="center", va="center")
    figure.savefig(path, dpi=_DPI)
