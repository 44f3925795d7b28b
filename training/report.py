"""History and evaluation become report.html, report.json and plots.

Owns the words and figures people read; computes none of them.
"""

from __future__ import annotations

import base64
import json
from dataclasses import asdict, dataclass
from pathlib import Path

import jinja2

from gateway.contract import Contract
from training.evaluate import EvaluationReport
from training.history import Stage
from training.plots import draw_confusion, draw_learning_curve

_TEMPLATES = Path(__file__).parent / "templates"


@dataclass(frozen=True, kw_only=True)
class ReportFacts:
    """All that the report says; seconds is the wall time from start to evaluation."""

    contract: Contract
    evaluation: EvaluationReport
    stages: tuple[Stage, ...]
    findings: tuple[str, ...]
    is_given_split: bool
    seconds: float


def write_report(facts: ReportFacts, folder: Path, score_difference: float) -> None:
    """Write report.html (one file, plots inside), report.json and the two PNGs.

    Args:
        facts: What to say.
        folder: Created; holds nothing else.
        score_difference: Largest |trained - exported| score that export found.
    """
    folder.mkdir(parents=True)
    plots = {
        "confusion": folder / "confusion.png",
        "learning_curve": folder / "learning_curve.png",
    }
    draw_confusion(facts.evaluation, plots["confusion"])
    draw_learning_curve(facts.stages[-1].history, plots["learning_curve"])
    (folder / "report.json").write_text(
        json.dumps(_document(facts, score_difference), indent=2) + "\n",
        encoding="utf-8",
    )
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(_TEMPLATES),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
    )
    page = environment.get_template("report.html").render(
        facts=facts,
        score_difference=score_difference,
        plots={name: _data_url(path) for name, path in plots.items()},
    )
    (folder / "report.html").write_text(page, encoding="utf-8")


def _document(facts: ReportFacts, score_difference: float) -> dict[str, object]:
    evaluation = facts.evaluation
    return {
        "contract": asdict(facts.contract),
        "test": {
            "count": evaluation.count,
            "accuracy": evaluation.accuracy,
            "interval_95": list(evaluation.interval),
            "majority_baseline": evaluation.majority_baseline,
            "confusion": evaluation.confusion.tolist(),
            "classes": [asdict(figures) for figures in evaluation.classes],
        },
        "stages": [asdict(stage) for stage in facts.stages],
        "findings": list(facts.findings),
        "is_given_split": facts.is_given_split,
        "export_score_difference": score_difference,
        "seconds": facts.seconds,
    }


def _data_url(path: Path) -> str:
    return "data:image/png;base64," + base64.b64encode(path.read_bytes()).decode()
