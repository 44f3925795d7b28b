"""What of a run's facts the page shows: which rows, which figures, which pictures."""

from __future__ import annotations

import base64
import shlex
from collections.abc import Callable
from dataclasses import asdict, dataclass

import numpy as np
from matplotlib.figure import Figure

from training.checks import photo_name
from training.config import TrainingConfig
from training.evaluate import ClassFigures, EvaluationReport
from training.mistakes import draw_small
from training.near_duplicates import Pair
from training.plots import (
    CURVE_COLORS,
    draw_curve,
    draw_reliability,
    draw_roc,
    to_svg,
)
from training.report_facts import ReportFacts

# More columns do not fit on a page; then the commonest confusions are listed.
MAX_MATRIX_CLASSES = 12
SHOWN_CONFUSIONS = 20
SHOWN_CLASSES = 24
SHOWN_PAIRS = 8
# Where things lie on this machine is nobody's business elsewhere.
_PLACES = ("data", "output", "datasets_dir", "cache_dir", "tensorboard_dir")


@dataclass(frozen=True, kw_only=True)
class Confusion:
    """How many test photos of one class were taken for another; share of the class."""

    label: str
    predicted: str
    count: int
    share: float


@dataclass(frozen=True, kw_only=True)
class DrawnCurve:
    """A class's ROC curve with its color in the plot."""

    figures: ClassFigures
    color: str


@dataclass(frozen=True, kw_only=True)
class DrawnPair:
    """Two photos that look the same, as small JPEGs."""

    pair: Pair
    first: bytes
    second: bytes


@dataclass(frozen=True, kw_only=True)
class ReportView:
    """All that is chosen for the page; figures by name, each also as SVG.

    classes come worst first where there are more than the page shows at once.
    """

    figures: dict[str, Figure]
    drawings: dict[str, str]
    classes: tuple[ClassFigures, ...]
    has_matrix: bool
    confusions: tuple[Confusion, ...]
    curves: tuple[DrawnCurve, ...]
    pairs: tuple[DrawnPair, ...]
    knobs: dict[str, object]


def build_view(facts: ReportFacts) -> ReportView:
    """Choose and draw; reads the photo files of near-duplicates."""
    evaluation = facts.evaluation
    curves = _choose_curves(evaluation)
    figures, drawings = {}, {}
    for name, figure, description in _draw(facts, curves):
        figures[name], drawings[name] = figure, to_svg(figure, description)
    return ReportView(
        figures=figures,
        drawings=drawings,
        classes=_order_classes(evaluation),
        has_matrix=len(evaluation.labels) <= MAX_MATRIX_CLASSES,
        confusions=list_confusions(evaluation),
        curves=curves,
        pairs=_draw_pairs(facts.near_duplicates),
        knobs=list_knobs(facts.config) if facts.config else {},
    )


def list_knobs(config: TrainingConfig) -> dict[str, object]:
    """The knobs that shape a model, "group.knob" in groups; not where files lie."""
    knobs = {}
    for name, value in asdict(config).items():
        if isinstance(value, dict):
            knobs.update({f"{name}.{knob}": part for knob, part in value.items()})
        elif name not in _PLACES:
            knobs[name] = value
    return knobs


def list_confusions(evaluation: EvaluationReport) -> tuple[Confusion, ...]:
    """Every pair of classes with a mistake between them, commonest first."""
    wrong = evaluation.confusion.copy()
    np.fill_diagonal(wrong, 0)
    rows, columns = np.nonzero(wrong)
    order = np.argsort(-wrong[rows, columns], kind="stable")
    totals = evaluation.confusion.sum(axis=1)
    return tuple(
        Confusion(
            label=evaluation.labels[row],
            predicted=evaluation.labels[column],
            count=int(wrong[row, column]),
            share=float(wrong[row, column] / totals[row]),
        )
        for row, column in zip(rows[order], columns[order], strict=True)
    )


def _order_classes(evaluation: EvaluationReport) -> tuple[ClassFigures, ...]:
    if len(evaluation.classes) <= SHOWN_CLASSES:
        return evaluation.classes
    return tuple(sorted(evaluation.classes, key=lambda row: row.f1 or 0.0))


def _choose_curves(evaluation: EvaluationReport) -> tuple[DrawnCurve, ...]:
    """The classes hardest to tell; of two, the second is the first mirrored."""
    rows = [row for row in evaluation.classes if row.roc]
    if len(evaluation.labels) == 2:
        rows = rows[:1]
    elif len(rows) > len(CURVE_COLORS):
        rows.sort(key=lambda row: row.roc.area)
    return tuple(
        DrawnCurve(figures=row, color=color)
        for row, color in zip(rows, CURVE_COLORS, strict=False)
    )


def _draw(
    facts: ReportFacts, curves: tuple[DrawnCurve, ...]
) -> list[tuple[str, Figure, str]]:
    """(name, figure, description) of every plot."""
    plots = []
    for number, stage in enumerate(facts.stages, start=1):
        past = stage.history
        for what, train, validation in (
            ("loss", past.train_loss, past.validation_loss),
            ("accuracy", past.train_accuracy, past.validation_accuracy),
        ):
            figure = draw_curve(train, validation, past.best_epoch, what)
            description = f"{what} of train and validation photos by epoch"
            plots.append((f"{what}_{number}", figure, description))
    if curves:
        figure = draw_roc(tuple(curve.figures.roc for curve in curves))
        plots.append(("roc", figure, "ROC curves, one class against the rest"))
    if facts.calibration:
        figure = draw_reliability(facts.calibration)
        plots.append(("reliability", figure, "scores against shares of right answers"))
    return plots


def _draw_pairs(pairs: tuple[Pair, ...]) -> tuple[DrawnPair, ...]:
    drawn = []
    for pair in pairs:
        pictures = draw_small(pair.first), draw_small(pair.second)
        if None not in pictures:
            drawn.append(DrawnPair(pair=pair, first=pictures[0], second=pictures[1]))
        if len(drawn) == SHOWN_PAIRS:
            break
    return tuple(drawn)


def _percent(share: float | None) -> str:
    """One digit; nearly all is not rounded to all, nor hardly any to none."""
    if share is None:
        return "–"
    if 0.9995 <= share < 1:
        return "> 99.9\u00a0%"
    if 0 < share < 0.0005:
        return "< 0.1\u00a0%"
    return f"{100 * share:.1f}\u00a0%"


def _data_url(picture: bytes) -> str:
    return "data:image/jpeg;base64," + base64.b64encode(picture).decode()


FILTERS: dict[str, Callable[..., str]] = {
    "percent": _percent,
    "data_url": _data_url,
    "photo_name": photo_name,
    "quote": shlex.quote,
}
