"""Measured curves become report.html (one file), report.json and a PNG each."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

import jinja2

from tests.benchmark.growth.curve import show
from tests.benchmark.growth.plots import draw_curve
from training.plots import to_png, to_svg

_HERE = Path(__file__).parent
_STYLE_SHEETS = _HERE.parents[2] / "training" / "templates"


def write_page(curves, facts, folder):
    """Write all into the folder, which is made; return the path of report.html.

    Args:
        facts: What was measured with, by name.
    """
    folder.mkdir(parents=True, exist_ok=True)
    drawn = []
    for curve in curves:
        figure = draw_curve(curve)
        (folder / f"{curve.name}.png").write_bytes(to_png(figure))
        drawn.append((curve, to_svg(figure, f"{curve.title}: {curve.tell()[0]}")))
    document = {
        **facts,
        "curves": [{**asdict(curve), "bend": curve.tell()} for curve in curves],
    }
    text = json.dumps(document, indent=2) + "\n"
    (folder / "report.json").write_text(text, encoding="utf-8")
    page = _open_template().render(facts=facts, drawn=drawn, show=show)
    (folder / "report.html").write_text(page, encoding="utf-8")
    return folder / "report.html"


def _open_template():
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader([_HERE, _STYLE_SHEETS]),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template("page.html")
