"""Networks from scratch on shuffled labels, and how fast their training went."""

import dataclasses
from pathlib import Path

import numpy as np
import pytest

from tests.drawn_idx import write_idx_files
from training.config import HeadConfig, TrainingConfig
from training.datasets import load_split
from training.fit_scratch import fit_scratch
from training.pictures import decode_split
from training.shuffled_scratch import MAX_EPOCHS, run_shuffled_scratch


@pytest.fixture(name="shades", scope="module")
def _shades(tmp_path_factory):
    """Dark and light pictures of 28x28, as easy as can be."""
    folder = write_idx_files(tmp_path_factory.mktemp("idx") / "fashion-mnist", 600)
    clothes = decode_split(load_split(str(folder), folder), (28, 28))
    noise, parts = np.random.default_rng(3), {}
    for part, count in (("train", 1600), ("validation", 100), ("test", 20)):
        targets = np.arange(count) % 2
        batch = noise.integers(0, 60, (count, 28, 28, 3), np.uint8)
        batch[targets == 1] += 190
        digests = tuple(f"{part}-{number}" for number in range(count))
        parts[part] = dataclasses.replace(
            clothes.test, batch=batch, targets=targets, digests=digests
        )
    split = dataclasses.replace(clothes.split, labels=("dark", "light"))
    return dataclasses.replace(clothes, split=split, **parts)


@pytest.fixture(name="config")
def _config():
    return TrainingConfig(
        data="shades",
        output=Path(),
        backbone="dense-300-100",
        head=HeadConfig(max_epochs=MAX_EPOCHS),
    )


def test_shuffled_falls_to_chance(shades, config):
    """What true labels teach in three epochs, shuffled ones do not: half are right."""
    truth = fit_scratch(config, shades)

    shuffled = run_shuffled_scratch(config, shades)

    logits = truth.predict_logits(shades.validation, "scores")
    assert (logits.argmax(axis=1) == shades.validation.targets).mean() > 0.95
    assert shuffled.chance == 0.5 and shuffled.count == 100
    assert shuffled.is_chance


def test_shuffled_is_brief(shades, config, tmp_path):
    """However long the training, the shuffled one is not, and it leaves no logs."""
    long = dataclasses.replace(
        config, head=HeadConfig(max_epochs=30), tensorboard_dir=tmp_path
    )

    run_shuffled_scratch(long, shades)

    assert not list(tmp_path.iterdir())


def test_logs_and_speed(shades, config, tmp_path):
    """Training from scratch leaves logs on demand and says how fast it went."""
    logged = dataclasses.replace(config, tensorboard_dir=tmp_path)

    trained = fit_scratch(logged, shades)

    (stage,) = trained.stages
    assert trained.photos_per_second == pytest.approx(1600 * MAX_EPOCHS / stage.seconds)
    parts = {path.parent.name for path in tmp_path.rglob("events.out.tfevents.*")}
    assert parts == {"train", "validation"}
