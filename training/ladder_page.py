"""The climbed rungs become ladder.html (one file), ladder.json and ladder.png.

Owns the words and figures of that page; computes none of them.
"""

from __future__ import annotations

import base64
import io
import json
import os
import tempfile
from dataclasses import asdict
from pathlib import Path

import jinja2
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator, PercentFormatter

from training.errors import ExportRefused
from training.ladder_climb import ClimbedRung
from training.ladder_config import LadderConfig

_TEMPLATES = Path(__file__).parent / "templates"
_TRAIN_COLOR, _VALIDATION_COLOR, _BAND_COLOR = "#8a94a6", "#1f6feb", "#e69f00"
_DPI = 144


def write_page(rungs: tuple[ClimbedRung, ...], config: LadderConfig) -> Path:
    """Write the three files into the ladder's folder; return ladder.html.

    Raises:
        ExportRefused: The disk took no more.
    """
    plot = _draw_curves(rungs)
    document = {
        "data": Path(config.data).name,
        "seed": config.seed,
        "rungs": [{**asdict(rung), "verdict": rung.verdict} for rung in rungs],
    }
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(_TEMPLATES),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
    )
    page = environment.get_template("ladder.html").render(
        rungs=rungs,
        data=document["data"],
        seed=config.seed,
        plot="data:image/png;base64," + base64.b64encode(plot).decode(),
    )
    files = {
        "ladder.png": plot,
        "ladder.json": (json.dumps(document, indent=2) + "\n").encode(),
        "ladder.html": page.encode(),
    }
    try:
        for name, data in files.items():
            _replace(config.output / name, data)
    except OSError as error:
        raise ExportRefused(
            f"could not write below '{config.output}': {error.strerror}"
        ) from error
    return config.output / "ladder.html"


def _replace(path: Path, data: bytes) -> None:
    """The whole file or, if anything happens, the one that was there."""
    with tempfile.NamedTemporaryFile(dir=path.parent, delete=False) as file:
        aside = Path(file.name)
        try:
            file.write(data)
            file.close()
            os.chmod(aside, 0o644)  # temporary files are their owner's alone
            aside.replace(path)
        finally:
            aside.unlink(missing_ok=True)


def _draw_curves(rungs: tuple[ClimbedRung, ...]) -> bytes:
    """PNG: accuracy by epoch, one field a rung, the course project's band behind."""
    figure = Figure(figsize=(3.2 * len(rungs) + 0.8, 3.6), layout="constrained")
    fields = figure.subplots(1, len(rungs), sharey=True, squeeze=False)[0]
    for axes, rung in zip(fields, rungs, strict=True):
        _draw_rung(axes, rung)
    fields[0].set_ylabel("accuracy")
    fields[0].set_ylim(0.4, 1.01)
    fields[0].yaxis.set_major_formatter(PercentFormatter(xmax=1, decimals=0))
    handles, names = fields[0].get_legend_handles_labels()
    figure.legend(handles, names, loc="outside lower center", ncols=4, frameon=False)
    file = io.BytesIO()
    figure.savefig(file, format="png", dpi=_DPI, metadata={"Software": None})
    return file.getvalue()


def _draw_rung(axes: Axes, rung: ClimbedRung) -> None:
    history = rung.history
    epochs = range(1, len(history.train_accuracy) + 1)
    axes.axhspan(
        *rung.band, color=_BAND_COLOR, alpha=0.3, lw=0, label="their validation"
    )
    axes.plot(epochs, history.train_accuracy, color=_TRAIN_COLOR, label="train")
    axes.plot(
        epochs, history.validation_accuracy, color=_VALIDATION_COLOR, label="validation"
    )
    axes.plot(
        history.best_epoch + 1,
        rung.validation_accuracy,
        "o",
        color=_VALIDATION_COLOR,
        label="kept",
    )
    axes.set_title(f"{rung.name}: {rung.title}", loc="left", fontsize=10)
    axes.set_xlabel("epoch")
    axes.set_xlim(left=0.5)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(alpha=0.25)
