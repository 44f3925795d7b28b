"""An ImageNet network becomes a version folder with a short report of what it is."""

from __future__ import annotations

import functools
import hashlib
import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path

import jinja2
import numpy as np
from numpy.typing import NDArray

from gateway.contract import Contract
from training.backbones import IMAGENET, RANDOM
from training.export import check_output, describe_classifier, export_model
from training.imagenet_config import ImagenetConfig
from training.imagenet_labels import load_imagenet_labels
from training.imagenet_network import build_imagenet_classifier

GOLDEN_PICTURES = 4
_TEMPLATES = Path(__file__).parent / "templates"


@dataclass(frozen=True, kw_only=True)
class ImagenetFacts:
    """All that the report says; weights is a sentence, parameters a count."""

    contract: Contract
    weights: str
    parameters: int


def export_imagenet(config: ImagenetConfig) -> Path:
    """Write the next version folder below config.output and return it.

    Raises:
        TrainingError: Names, files or the result do not allow it; nothing is left.
    """
    check_output(config.output)
    labels = load_imagenet_labels(config.labels_file, config.datasets_dir)
    size = (config.side, config.side) if config.side else None
    classifier = build_imagenet_classifier(config.backbone, config.weights, size)
    name = Path(os.path.abspath(config.output)).name
    contract = describe_classifier(name, classifier, labels)
    facts = ImagenetFacts(
        contract=contract,
        weights=_name_weights(config.weights),
        parameters=classifier.network.count_params() + classifier.head.count_params(),
    )
    return export_model(
        classifier,
        contract,
        draw_golden(classifier.size),
        functools.partial(write_report, facts),
        config.output,
    )


def draw_golden(size: tuple[int, int]) -> NDArray[np.uint8]:
    """Pictures to compare two forms of a network on, where there are no photos.

    Coarse noise: after pooling, fine noise would look the same in every picture.

    Returns:
        uint8, shape (GOLDEN_PICTURES, height, width, 3), RGB 0-255.
    """
    noise = np.random.default_rng(0)
    coarse = noise.integers(0, 256, (GOLDEN_PICTURES, 8, 8, 3), np.uint8)
    rows = np.arange(size[0]) * 8 // size[0]
    columns = np.arange(size[1]) * 8 // size[1]
    return coarse[:, rows][:, :, columns]


def write_report(facts: ImagenetFacts, folder: Path, score_difference: float) -> None:
    """Write report.html (one file) and report.json into the new folder.

    Args:
        facts: What to say.
        folder: Created; holds nothing else.
        score_difference: Largest |built - exported| score that export found.
    """
    folder.mkdir(parents=True)
    document = {**asdict(facts), "export_score_difference": score_difference}
    text = json.dumps(document, indent=2, ensure_ascii=False) + "\n"
    (folder / "report.json").write_text(text, encoding="utf-8")
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(_TEMPLATES),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
    )
    page = environment.get_template("imagenet.html").render(
        facts=facts, score_difference=score_difference
    )
    (folder / "report.html").write_text(page, encoding="utf-8")


def _name_weights(weights: str) -> str:
    if weights == RANDOM:
        return "random: its answers mean nothing"
    if weights == IMAGENET:
        return "ImageNet, as published"
    path = Path(weights)
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    return f"{path.name} (SHA-256 {digest})"
