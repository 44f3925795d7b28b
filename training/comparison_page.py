"""A comparison becomes comparison.html (one file) and comparison.json.

Owns the words and the drawing of that page; computes none of its figures.
"""

from __future__ import annotations

import json
import math
import os
from pathlib import Path

import jinja2

from training.comparison import SIGNIFICANCE, Comparison, tell, write_p_value
from training.config import TrainingConfig
from training.errors import ExportRefused

_TEMPLATES = Path(__file__).parent / "templates"
_SCHEMA_VERSION = 1


def write_page(comparison: Comparison, config: TrainingConfig, folder: Path) -> Path:
    """Write both files into a folder, which is created; return comparison.html.

    Raises:
        ExportRefused: The disk took no more.
    """
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(_TEMPLATES),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    page = environment.get_template("comparison.html").render(
        comparison=comparison,
        config=config,
        start=_find_start(comparison),
        p_texts=[write_p_value(p_value) for p_value in comparison.p_values],
        sentences=tell(comparison),
        significance=SIGNIFICANCE,
    )
    document = json.dumps(_build_document(comparison, config), indent=2) + "\n"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        _replace(folder / "comparison.json", document)
        _replace(folder / "comparison.html", page)
    except OSError as error:
        raise ExportRefused(
            f"could not write below '{folder}': {error.strerror}"
        ) from error
    return folder / "comparison.html"


def _find_start(comparison: Comparison) -> float:
    """Where the page's scale begins, 0-1: a tenth below which no interval reaches."""
    lowest = min(one.interval[0] for one in comparison.contestants)
    return min(0.9, math.floor(10 * lowest) / 10)


def _build_document(
    comparison: Comparison, config: TrainingConfig
) -> dict[str, object]:
    rows = zip(comparison.contestants, comparison.p_values, strict=True)
    return {
        "schema_version": _SCHEMA_VERSION,
        "data": comparison.data,
        "folds": comparison.folds,
        "photos": comparison.count,
        "seed": config.seed,
        "significance": SIGNIFICANCE,
        "best": comparison.best.name,
        "tied": [one.name for one in comparison.tied],
        "worse": [one.name for one in comparison.worse],
        "champion": comparison.champion.name,
        "backbones": [
            {
                "name": one.name,
                "side": one.side,
                "accuracy": one.accuracy,
                "interval_95": one.interval,
                "log_loss": one.loss,
                "p_value": p_value,
                "seconds": one.seconds,
                "photos_per_second": one.photos_per_second,
                "megabytes": one.megabytes,
            }
            for one, p_value in rows
        ],
    }


def _replace(path: Path, text: str) -> None:
    """The whole file or, if anything happens, the one that was there."""
    aside = path.with_name(f".writing-{path.name}")
    try:
        aside.write_text(text, encoding="utf-8")
        os.replace(aside, path)
    finally:
        aside.unlink(missing_ok=True)
