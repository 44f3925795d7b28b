"""What a run leaves when it is interrupted, and what --resume makes of it."""

import dataclasses
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.integration.trained_model import draw_photos
from training.config import FineTuningConfig, HeadConfig, TrainingConfig
from training.datasets import load_split
from training.errors import ExportRefused
from training.golden import compare_pixels
from training.history import History, Stage
from training.pictures import decode_split
from training.tensorboard import write_tensorboard
from training.unfinished import close_run_folder, open_run_folder


@pytest.fixture(name="split")
def _split(tmp_path):
    return load_split(str(draw_photos(tmp_path / "shades")), tmp_path)


@pytest.fixture(name="config")
def _config(tmp_path):
    return TrainingConfig(
        data="shades", output=tmp_path / "models", cache_dir=tmp_path / "cache"
    )


def test_resume_finds_its_run(config, split):
    """The same run finds its folder as it was; without --resume it begins anew."""
    (open_run_folder(config, split) / "note").write_text("two epochs")

    again = open_run_folder(dataclasses.replace(config, resumes=True), split)
    kept = (again / "note").is_file()
    anew = open_run_folder(config, split)

    assert kept
    assert again == anew
    assert not list(anew.iterdir())


@pytest.mark.parametrize(
    "change",
    [
        {"seed": 1},
        {"backbone": "vgg16"},
        {"head": HeadConfig(dropout=0.5)},
        {"fine_tuning": FineTuningConfig(max_epochs=3)},
    ],
)
def test_other_runs_have_other_folders(config, split, change):
    """Whatever changes the outcome makes it another run."""
    other = dataclasses.replace(config, resumes=True, **change)

    assert open_run_folder(config, split) != open_run_folder(other, split)


def test_finished_run(config, split):
    """What came to its end leaves nothing; without a cache there is nothing."""
    folder = open_run_folder(config, split)

    close_run_folder(folder)

    assert not folder.exists()
    uncached = dataclasses.replace(config, cache_dir=None)
    assert open_run_folder(uncached, split) is None


def test_gateway_pixels(split):
    """The gateway's decoder gives the trainer's pixels, exactly."""
    assert compare_pixels(decode_split(split, (48, 48))) == 0


def test_changed_photo(split):
    """A test photo that changed while the run trained is noticed before export."""
    decoded = decode_split(split, (48, 48))
    path = decoded.split.test[0].path
    with Image.open(path) as picture:
        pixels = np.array(picture)
    pixels[0, 0] ^= 255
    Image.fromarray(pixels).save(path)

    with pytest.raises(ExportRefused, match="gateway's pixels"):
        compare_pixels(decoded)


def test_tensorboard(tmp_path: Path):
    """Each curve of each stage is a log of its own."""
    history = History(
        train_loss=(0.7, 0.5),
        train_accuracy=(0.5, 0.8),
        validation_loss=(0.6, 0.4),
        validation_accuracy=(0.6, 0.9),
        best_epoch=1,
    )

    write_tensorboard((Stage(title="head", history=history, seconds=1.0),), tmp_path)

    logs = [path.parent.name for path in tmp_path.rglob("events.out.tfevents.*")]
    assert sorted(logs) == ["train", "validation"]
