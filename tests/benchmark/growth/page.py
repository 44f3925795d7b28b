"""Measured curves become report.html (one file), report.json and a PNG each."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

from tests.benchmark.growth.curve import show
from tests.benchmark.growth.plots import draw_curve
from tests.benchmark.report_page import open_page
from training.plots import to_png, to_svg


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
    page = open_page(Path(__file__).parent).render(facts=facts, drawn=drawn, show=show)
    (folder / "report.html").write_text(page, encoding="utf-8")
    return folder / "report.html"
