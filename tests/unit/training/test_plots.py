"""Figures are drawn whatever the folders are called."""

import numpy as np
import pytest
from PIL import Image

from training.evaluate import evaluate_scores
from training.plots import draw_confusion


@pytest.mark.parametrize(
    "labels", [("$\\foo$", "5$ and 10$"), ("a_b^c", "100 %"), ("été", "\\alpha")]
)
def test_odd_labels(tmp_path, labels):
    """A label with signs that mean something elsewhere is drawn as it is."""
    evaluation = evaluate_scores(
        np.eye(2, dtype=np.float32), np.array([0, 1]), labels=labels
    )

    draw_confusion(evaluation, tmp_path / "confusion.png")

    with Image.open(tmp_path / "confusion.png") as picture:
        assert picture.getcolors(maxcolors=2) is None
