"""What a run found out becomes report.html, report.json and plots.

Owns the files people and tools read; computes no figure of its own.
"""

from __future__ import annotations

import json
from pathlib import Path

import jinja2

from training.plots import to_png
from training.report_document import build_document
from training.report_facts import ReportFacts
from training.report_view import FILTERS, ReportView, build_view

_TEMPLATES = Path(__file__).parent / "templates"


def write_report(facts: ReportFacts, folder: Path, score_difference: float) -> None:
    """Write report.html (one file, nothing outside of it), report.json and PNGs.

    Args:
        facts: What to say.
        folder: Created; holds nothing else.
        score_difference: Largest |trained - exported| score that export found.
    """
    folder.mkdir(parents=True)
    view = build_view(facts)
    for name, figure in view.figures.items():
        (folder / f"{name}.png").write_bytes(to_png(figure))
    document = build_document(facts, score_difference)
    (folder / "report.json").write_text(
        json.dumps(document, indent=2, ensure_ascii=False, allow_nan=False) + "\n",
        encoding="utf-8",
    )
    page = _render(facts, view, score_difference)
    (folder / "report.html").write_text(page, encoding="utf-8")


def _render(facts: ReportFacts, view: ReportView, score_difference: float) -> str:
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(_TEMPLATES),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(FILTERS)
    return environment.get_template("report.html").render(
        facts=facts,
        contract=facts.contract,
        test=facts.evaluation,
        view=view,
        score_difference=score_difference,
    )
