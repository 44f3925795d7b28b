"""The document as report.html (one file), report.json and report.md."""

from __future__ import annotations

import json
from pathlib import Path

from tests.benchmark.report_page import open_page
from tests.benchmark.table import text
from tests.benchmark.table.plots import draw_arrivals, draw_ratios, draw_speeds
from training.plots import to_svg


def write_page(document, folder):
    """Write all into the folder, which is made; return the path of report.html."""
    folder.mkdir(parents=True, exist_ok=True)
    content = json.dumps(document, indent=2, allow_nan=False) + "\n"
    (folder / "report.json").write_text(content, encoding="utf-8")
    (folder / "report.md").write_text(text.write_text(document), encoding="utf-8")
    views = [_view(network) for network in document["networks"]]
    page = open_page(Path(__file__).parent, spread=text.spread).render(
        document=document, views=views
    )
    (folder / "report.html").write_text(page, encoding="utf-8")
    return folder / "report.html"


def _view(network):
    name = network["network"]
    has_arrivals = any(row["open"] for row in network["systems"])
    figures = [("Images a second over limit 1", draw_ratios(network))]
    figures.append(("Speed and lateness by clients", draw_speeds(network)))
    tables = [text.speed_rows(network), text.advantage_rows(network)]
    if has_arrivals:
        figures.append(("Photos that arrive at random", draw_arrivals(network)))
        tables.append(text.arrival_rows(network))
    return {
        "name": name,
        "limits": network["limits"],
        "figures": [
            (title, to_svg(each, f"{name}: {title}")) for title, each in figures
        ],
        "tables": tables,
        "systems": network["systems"],
    }
