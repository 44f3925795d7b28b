"""What a run leaves when it is interrupted, and what --resume makes of it."""

import dataclasses

import keras
import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from tests.integration.trained_model import draw_photos
from training.config import FineTuningConfig, HeadConfig, TrainingConfig
from training.datasets import load_split
from training.errors import ExportRefused, UnfitCache
from training.golden import compare_pixels
from training.head import Samples, fit_head
from training.pictures import decode_split
from training.tensorboard import stage_logs
from training.unfinished import open_run_folder


@pytest.fixture(name="split")
def _split(tmp_path):
    return load_split(str(draw_photos(tmp_path / "shades")), tmp_path)


@pytest.fixture(name="config")
def _config(tmp_path):
    return TrainingConfig(
        data="shades",
        output=tmp_path / "models",
        cache_dir=tmp_path / "cache",
        fine_tuning=FineTuningConfig(max_epochs=2),
    )


def stop_within(config, split, stage="a stage"):
    """Interrupt a run after it wrote something; where it did, and what it found."""
    with pytest.raises(KeyboardInterrupt), open_run_folder(config, split) as folder:
        found = sorted(path.parent.name for path in folder.glob("*/note"))
        (folder / stage).mkdir(exist_ok=True)
        (folder / stage / "note").write_text("two epochs")
        raise KeyboardInterrupt
    return folder, found


def test_resume_finds_its_run(config, split):
    """The same run finds its folder as it was; without --resume it begins anew."""
    resuming = dataclasses.replace(config, resumes=True)
    first, _ = stop_within(config, split)

    again, kept = stop_within(resuming, split)
    anew, lost = stop_within(config, split)

    assert first == again == anew
    assert kept == ["a stage"]
    assert not lost


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

    assert stop_within(config, split)[0] != stop_within(other, split)[0]


def test_finished_run(config, split):
    """What came to its end leaves nothing."""
    with open_run_folder(config, split) as folder:
        (folder / "a stage").mkdir()

    assert not folder.exists()


@pytest.mark.parametrize(
    "change", [{"cache_dir": None}, {"fine_tuning": FineTuningConfig()}]
)
def test_nothing_to_go_on_with(config, split, change):
    """Without a cache, and of a head alone, no run is kept."""
    with open_run_folder(dataclasses.replace(config, **change), split) as folder:
        assert folder is None

    assert not config.cache_dir.exists()


def test_two_at_once(config, split):
    """The same run twice at a time would write into one folder: the second is told."""
    with open_run_folder(config, split) as folder:
        (folder / "a stage").mkdir()
        with pytest.raises(UnfitCache, match="found another at work"):
            with open_run_folder(config, split):
                pass

        assert (folder / "a stage").is_dir()


def test_cache_that_is_a_file(config, split):
    """A cache that cannot be written is a sentence with a way out."""
    config.cache_dir.write_text("not a folder")

    with pytest.raises(UnfitCache, match="--no-cache"):
        with open_run_folder(config, split):
            pass


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


def read_scalars(folder):
    """(tag, step, value) of all event files right in a folder, as they are now."""
    return [
        (value.tag, event.step, float(tf.make_ndarray(value.tensor)))
        for path in folder.glob("events.out.tfevents.*")
        for event in tf.compat.v1.train.summary_iterator(str(path))
        for value in event.summary.value
    ]


class _Reader(keras.callbacks.Callback):
    """Reads the logs of the first epoch when the second begins."""

    def __init__(self, folder):
        super().__init__()
        self.folder, self.seen = folder, None

    def on_epoch_begin(self, epoch, logs=None):
        """Keras calls this."""
        if epoch == 1:
            self.seen = {
                part: read_scalars(self.folder / "head" / part)
                for part in ("train", "validation")
            }


def test_tensorboard_meanwhile(tmp_path):
    """Logs can be read while training runs: an epoch is there when the next begins."""
    chance = np.random.default_rng(0)
    samples = Samples(
        features=chance.normal(size=(20, 3)).astype(np.float32),
        targets=np.arange(20) % 2,
        classes=2,
    )
    reader = _Reader(tmp_path)

    _, stage = fit_head(
        samples,
        samples,
        HeadConfig(max_epochs=3),
        0,
        [*stage_logs(tmp_path, "head"), reader],
    )

    past = stage.history
    first = {
        "train": (past.train_loss[0], past.train_accuracy[0]),
        "validation": (past.validation_loss[0], past.validation_accuracy[0]),
    }
    for part, (loss, accuracy) in first.items():
        told = {(tag, step): value for tag, step, value in reader.seen[part]}
        assert told == pytest.approx({("loss", 0): loss, ("accuracy", 0): accuracy})
    steps = [
        step
        for tag, step, _ in read_scalars(tmp_path / "head" / "train")
        if tag == "loss"
    ]
    assert steps == [0, 1, 2]


def test_no_tensorboard():
    """Nobody asked, nothing is written."""
    assert not stage_logs(None, "head")
