"""Classify and regress over HTTP: answers worked out by hand, and refusals."""

from __future__ import annotations

import pytest

from serving.served_model import ModelConfig
from tests.integration.example_models import (
    build_colors,
    build_half_plus_two,
    write_signatures,
)
from tests.integration.rest_requests import post


@pytest.fixture(name="server", scope="module")
def _server(start_model_server, tmp_path_factory):
    """colors, and TensorFlow Serving's sample."""
    folder = tmp_path_factory.mktemp("models")
    write_signatures(folder / "colors" / "7", build_colors)
    write_signatures(folder / "sample" / "123", build_half_plus_two)
    return start_model_server(
        configs=[
            ModelConfig(name=name, base_path=str(folder / name))
            for name in ("colors", "sample")
        ]
    )


def test_classify(server):
    """An example answers with pairs of label and score."""
    document = {"examples": [{"v": 1.5}, {"v": [2.0]}]}

    answer = post(server, "colors:classify", document)

    assert answer.text == (
        '{\n    "results": [[["red", 1.5], ["blue", 3.0]], '
        '[["red", 2.0], ["blue", 4.0]]\n    ]\n}'
    )


def test_regress(server):
    """An example answers with a number; the context is part of each."""
    answer = post(
        server,
        "sample/versions/123:regress",
        {
            "signature_name": "regress_x2_to_y3",
            "context": {"x": 1.0},
            "examples": [{"x2": 4.0}, {}],
        },
    )

    assert answer.text == '{\n    "results": [5.0, 3.0]\n}'


@pytest.mark.parametrize(
    "path, document, status, told",
    [
        ("colors:classify", {"examples": [{"v": "a"}]}, 400, "types don't match"),
        ("colors:classify", {}, 400, "'examples' is expected and was not found"),
        ("colors:classify", {"examples": [{"v": [1, 2.5]}]}, 400, "type: int64"),
        ("nobody:classify", {"examples": [{"v": 1.5}]}, 404, "Latest(nobody)"),
        ("nobody:classify", {"examples": []}, 400, "is an empty array"),
        (
            "sample:regress",
            {"signature_name": "nope", "examples": [{"x": 1.5}]},
            400,
            "No signature was found with the name: nope",
        ),
        (
            "colors:regress",
            {"examples": [{"v": 1.5}]},
            400,
            "Expected one output Tensor.",
        ),
    ],
)
def test_refused_examples(server, path, document, status, told):
    """Examples that do not fit are refused before or by the model."""
    answer = post(server, path, document)

    assert answer.status == status
    assert told in answer.json["error"]
