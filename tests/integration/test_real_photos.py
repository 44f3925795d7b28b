"""Genuine weights on real photos: the whole command, and what it must reach."""

import json
import re
import subprocess
import sys

import numpy as np
import pytest

from training.backbones import build_backbone
from training.datasets import load_split
from training.efficientnet_lite import VARIANTS, checkpoint_path
from training.legacy_checkpoint import read_checkpoint
from training.pictures import decode_split

PIZZA = 963  # index of "pizza" among the 1,000 ImageNet classes


@pytest.fixture(name="test_photos", scope="module")
def _test_photos(datasets_dir):
    split = load_split("pizza-not-pizza", datasets_dir)
    backbone = build_backbone("efficientnet-lite0")
    decoded = decode_split(split, backbone.size)
    return backbone.network, decoded


def top_classes(network, batch):
    """ImageNet's best class per picture, with the checkpoint's own last layer."""
    tensors = read_checkpoint(checkpoint_path(VARIANTS["efficientnet-lite0"]))
    features = network.predict(batch, batch_size=32, verbose=0).mean(axis=(1, 2))
    return (features @ tensors["_fc.weight"].T + tensors["_fc.bias"]).argmax(axis=1)


def test_weights_are_genuine(test_photos):
    """The network knows pizza: four in five pizzas are top-1 of 1,000, no other food.

    With the scaling left out, or a transposed kernel, next to none would be.
    """
    network, decoded = test_photos
    is_pizza = decoded.test.targets == decoded.split.labels.index("pizza")

    best = top_classes(network, decoded.test.batch)

    assert np.mean(best[is_pizza] == PIZZA) >= 0.75
    assert np.mean(best[~is_pizza] == PIZZA) <= 0.05


def test_scaling_matters(test_photos):
    """The check above fails when pictures come in 0-1 instead of 0-255."""
    network, decoded = test_photos
    is_pizza = decoded.test.targets == decoded.split.labels.index("pizza")
    dark = (decoded.test.batch[is_pizza][:40] / 255).astype(np.uint8)

    best = top_classes(network, dark)

    assert np.mean(best == PIZZA) <= 0.2


def test_pizza_command(datasets_dir, tmp_path):
    """The command reaches 0.95 on the held-out photos and says so."""
    output = tmp_path / "pizza-not-pizza"
    command = [sys.executable, "-m", "training", "--data"]
    command += [str(datasets_dir / "pizza-not-pizza"), "--output", str(output)]

    done = subprocess.run(command, capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stderr
    report = output / "1" / "assets.extra" / "report" / "report.json"
    accuracy = json.loads(report.read_text())["test"]["accuracy"]
    assert accuracy >= 0.95
    said = re.search(r"test accuracy ([0-9.]+) .* 200 photos", done.stdout)
    assert said and float(said[1]) == pytest.approx(accuracy, abs=1e-4)
    assert "decoding photos: 100%" in done.stderr
