"""Scores to labels: order, ties and the decimals a reader sees."""

from __future__ import annotations

import numpy as np
import pytest

from gateway.classification import Classification
from gateway.errors import InvalidImage, UnsupportedImage
from gateway.prediction import Prediction, PredictionReply, Score
from gateway.targets import ServedModel
from gateway.timings import Timings
from tests.tiny_model import tiny_contract

LABELS = ("a", "b", "c")
TIMINGS = Timings({"total": 0.5})


@pytest.fixture(name="answer")
def _answer():
    """Two rows of scores: the first is best for a, the second for c."""
    served = ServedModel("tiny", 3, tiny_contract(labels=LABELS))
    scores = np.array([[0.5, 0.25, 0.25], [0.25, 0.25, 0.5]], np.float32)
    return Classification(served, scores)


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

    assert "".join(prediction.labels) == order
    assert prediction.best.label == order[0]


@pytest.mark.parametrize(
    "top, order", [(1, "b"), (2, "bc"), (3, "bca"), (4, "bca"), (None, "bca")]
)
def test_top(top, order):
    """So many of the best are named, and no more than there are."""
    scores = np.array([0.2, 0.4, 0.4], np.float32)

    prediction = Prediction.from_scores(scores, LABELS, top)

    assert "".join(prediction.labels) == order
    assert len(prediction.scores) == len(order)


def test_ranking():
    """People see the first few of what was named."""
    scores = np.array([0.25, 0.5, 0.25], np.float32)

    ranking = Prediction.from_scores(scores, LABELS).ranking(2)

    assert ranking == (Score("b", 0.5), Score("a", 0.25))


def test_decimals():
    """A score has the shortest decimals that give the same float32 back."""
    scores = np.array([0.7, 0.1, 0.2], np.float32)

    document = Prediction.from_scores(scores, LABELS).to_json()

    assert document["score"] == 0.7
    assert [entry["score"] for entry in document["scores"]] == [0.7, 0.2, 0.1]
    assert np.float32(document["score"]) == scores[0]


def test_errors_in_their_places(answer):
    """The rows of scores go to the pictures that have no error, in their order."""
    errors = {3: UnsupportedImage("text"), 0: InvalidImage("cut"), 1: InvalidImage("0")}

    reply = PredictionReply.from_classification(answer, errors, top=1)

    document = reply.to_json("id-1", TIMINGS)
    score = {"a": [{"label": "a", "score": 0.5}], "c": [{"label": "c", "score": 0.5}]}
    assert document == {
        "model": "tiny",
        "version": 3,
        "predictions": [
            {"error": {"status": 400, "code": "invalid_image", "detail": "cut"}},
            {"error": {"status": 400, "code": "invalid_image", "detail": "0"}},
            {"label": "a", "score": 0.5, "scores": score["a"]},
            {"error": {"status": 415, "code": "unsupported_image", "detail": "text"}},
            {"label": "c", "score": 0.5, "scores": score["c"]},
        ],
        "timings": {"total_ms": 500.0},
        "request_id": "id-1",
    }
    assert reply.facts() == {"model": "tiny", "version": 3, "pictures": 5, "failed": 3}


def test_facts_of_one_picture(answer):
    """Of one picture, the log names its best label and score."""
    alone = Classification(answer.served, answer.scores[:1])

    facts = PredictionReply.from_classification(alone).facts()

    assert facts == {"model": "tiny", "version": 3, "label": "a", "score": "0.5000"}
