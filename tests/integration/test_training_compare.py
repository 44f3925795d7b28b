"""Several networks on one split of drawn photos: random weights, few epochs."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from tests.integration.trained_model import draw_photos
from training.compare import main
from training.comparing import compare_backbones
from training.config import FineTuningConfig, HeadConfig, TrainingConfig
from training.errors import UnfitKnobs, UnknownBackbone

SCRATCH = ("dense-300-100", "small-cnn")
PRETRAINED = ("efficientnet-lite0", "mobilenet-v2-0.35")


def configure(data, **knobs):
    """A short run with random weights that keeps nothing on disk."""
    settings = {"weights": "random", "cache_dir": None, "passes": 1, **knobs}
    return TrainingConfig(data=str(data), output=Path(), **settings)


def split_photos(root):
    """Of each class 10 photos in train/, 4 in validation/, 4 in test/ that are none."""
    photos = draw_photos(root / "drawn", count=18)
    for path in sorted(photos.glob("*/*.png")):
        number = int(path.stem)
        part = "train" if number < 10 else "validation" if number < 14 else "test"
        place = root / "split" / part / path.parent.name / path.name
        place.parent.mkdir(parents=True, exist_ok=True)
        path.rename(place)
        if part == "test":
            place.write_text(f"no picture, {path.parent.name} {number}", "utf-8")
    return root / "split"


def test_folds_leave_test_alone(tmp_path):
    """Folds judge all of train and validation; the test part is not even opened."""
    config = configure(
        split_photos(tmp_path),
        weights="imagenet",
        size=64,
        folds=2,
        head=HeadConfig(max_epochs=8, learning_rate=0.05, dropout=0.0),
    )

    comparison = compare_backbones(config, PRETRAINED, {PRETRAINED[1]: "random"})

    assert comparison.count == 2 * (10 + 4)
    assert comparison.folds == 2
    # Dark from light is easy, if each score meets its own photo.
    assert comparison.best.name == PRETRAINED[0]
    assert comparison.best.accuracy >= 0.9
    # 3.4 and 0.4 million weights of four bytes.
    sizes = {one.name: one.megabytes for one in comparison.contestants}
    assert 13 < sizes[PRETRAINED[0]] < 14
    assert 1.4 < sizes[PRETRAINED[1]] < 1.8
    assert all(one.side == 64 for one in comparison.contestants)
    assert all(one.photos_per_second > 0 for one in comparison.contestants)


def test_program(tmp_path, monkeypatch, capsys):
    """The table, the verdict and the page, with networks trained from scratch."""
    photos = draw_photos(tmp_path / "photos", count=20)
    output = tmp_path / "compared"
    arguments = ["--data", str(photos), "--backbones", ",".join(SCRATCH)]
    more = ["--max-epochs", "1", "--output", str(output), "--no-cache"]
    monkeypatch.setattr(sys, "argv", ["compare", *arguments, *more])

    code = main()

    told = capsys.readouterr().out
    document = json.loads((output / "comparison.json").read_text("utf-8"))
    assert code == 0
    assert document["photos"] == 6  # 15 % of 20, of each class
    assert {row["name"] for row in document["backbones"]} == set(SCRATCH)
    assert f"best on these 6 photos: {document['best']}" in told
    assert f"sensible champion: {document['champion']}" in told
    assert f"page {output / 'comparison.html'}" in told


def test_missing_weights(tmp_path):
    """All weights that cannot be had are said before photos are looked for."""
    weights = {name: str(tmp_path / f"{name}.h5") for name in PRETRAINED}

    with pytest.raises(UnknownBackbone) as refused:
        compare_backbones(configure(tmp_path / "nowhere"), PRETRAINED, weights)

    assert all(path in str(refused.value) for path in weights.values())


def test_unknown_names(tmp_path):
    """Names that do not exist are said before weights are looked for."""
    weights = {"mobilenet-v2": str(tmp_path / "gone.h5")}
    names = ["vgg-16", "mobilenet-v2", "xceptio"]

    with pytest.raises(UnknownBackbone, match="received vgg-16, xceptio$"):
        compare_backbones(configure(tmp_path / "nowhere"), names, weights)


@pytest.mark.parametrize(
    "names, weights, knobs, told",
    [
        (("small-cnn",), {}, {}, "two or more different backbones"),
        (("small-cnn", "small-cnn"), {}, {}, "two or more different backbones"),
        (SCRATCH, {"vgg16": "a.h5"}, {}, "some for vgg16"),
        (SCRATCH, {"small-cnn": "a.h5"}, {}, "some for small-cnn"),
        (SCRATCH, {}, {"folds": 3}, "cross-validation"),
        (SCRATCH, {}, {"fine_tuning": FineTuningConfig(max_epochs=1)}, "fine-tuning"),
    ],
)
def test_unfit(tmp_path, names, weights, knobs, told):
    """What cannot be followed is refused before photos are looked for."""
    config = configure(tmp_path / "nowhere", **knobs)

    with pytest.raises(UnfitKnobs, match=told):
        compare_backbones(config, names, weights)


def test_wrong_data(tmp_path, monkeypatch, capsys):
    """No such photos is one sentence and code 1."""
    arguments = ["--data", str(tmp_path / "gone"), "--backbones", ",".join(SCRATCH)]
    monkeypatch.setattr(sys, "argv", ["compare", *arguments])

    code = main()

    assert code == 1
    assert capsys.readouterr().err.startswith("compare: ")
