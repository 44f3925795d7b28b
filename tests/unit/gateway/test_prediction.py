"""Scores to labels: order, ties and the decimals a reader sees."""

from __future__ import annotations

import numpy as np
import pytest

from gateway.prediction import Prediction

LABELS = ("a", "b", "c")


@pytest.mark.parametrize(
    "scores, order",
    [
        ([0.2, 0.5, 0.3], "bca"),
        ([0.5, 0.5, 0.0], "abc"),
        ([0.1, 0.45, 0.45], "bca"),
        ([0.0, 0.0, 1.0], "cab"),
    ],
)
def test_best_first(scores, order):
    """Best first; equal scores keep the labels' order."""
    prediction = Prediction.from_scores(np.array(scores, np.float32), LABELS)

    assert "".join(score.label for score in prediction.scores) == order
    assert prediction.best.label == order[0]


def test_decimals():
    """A score has the shortest decimals that give the same float32 back."""
    scores = np.array([0.7, 0.1, 0.2], np.float32)

    document = Prediction.from_scores(scores, LABELS).to_json()

    assert document["score"] == 0.7
    assert [entry["score"] for entry in document["scores"]] == [0.7, 0.2, 0.1]
    assert np.float32(document["score"]) == scores[0]
