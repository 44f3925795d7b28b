"""Networks from scratch, interrupted and gone on with, alone and on a ladder."""

import dataclasses
import json
from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf

from tests.drawn_idx import write_idx_files
from tests.integration.trained_model import draw_photos
from training.config import HeadConfig, TrainingConfig
from training.datasets import load_split
from training.errors import UnfitCache
from training.fit_scratch import fit_scratch
from training.ladder_climb import climb
from training.ladder_config import LadderConfig
from training.pictures import decode_split
from training.run import run

EPOCHS = 3


class _Interrupt(keras.callbacks.Callback):
    """Ctrl-C after the first steps of an epoch; it counts from 0."""

    def __init__(self, epoch):
        super().__init__()
        self.epoch, self.is_due = epoch, False

    def on_epoch_begin(self, epoch, logs=None):
        """Keras calls this."""
        self.is_due = epoch == self.epoch

    def on_train_batch_end(self, batch, logs=None):
        """Keras calls this."""
        if self.is_due:
            raise KeyboardInterrupt


@pytest.fixture(name="interrupt")
def _interrupt(monkeypatch):
    """interrupt(work, fits, epoch): Ctrl-C in that epoch, after so many trainings."""
    fit = keras.Model.fit

    def interrupt(work, fits=0, epoch=1):
        begun = []

        def fit_until(model, *arguments, callbacks, **settings):
            begun.append(model)
            extra = [_Interrupt(epoch)] if len(begun) > fits else []
            return fit(model, *arguments, callbacks=[*callbacks, *extra], **settings)

        with monkeypatch.context() as patch:
            patch.setattr(keras.Model, "fit", fit_until)
            with pytest.raises(KeyboardInterrupt):
                work()

    return interrupt


def configure(name, **knobs):
    """A few epochs of one network."""
    head = HeadConfig(max_epochs=EPOCHS)
    return TrainingConfig(
        **{"data": "", "output": None, "backbone": name, "head": head, **knobs}
    )


@pytest.fixture(name="clothes", scope="module")
def _clothes(tmp_path_factory):
    """A folder of IDX files with 120 pictures to learn from."""
    return write_idx_files(tmp_path_factory.mktemp("idx") / "fashion-mnist", 132)


@pytest.fixture(name="decode", scope="module")
def _decode(clothes, tmp_path_factory):
    """A function: a network's name to decoded pictures of its size."""
    photos = draw_photos(tmp_path_factory.mktemp("photos") / "shades", 12)

    def decode(name):
        folder, side = (photos, 160) if "ladder" in name else (clothes, 28)
        return decode_split(load_split(str(folder), folder), (side, side))

    return decode


def weights_of(trained):
    """All weights of a classifier from scratch."""
    classifier = trained.classifier
    return classifier.network.get_weights() + classifier.head.get_weights()


@pytest.mark.parametrize(
    "name", ["dense-300-100", "small-cnn", "ladder-1", "ladder-2", "ladder-3"]
)
def test_same_weights(name, decode, interrupt, tmp_path):
    """Interrupted in the second epoch and gone on with: bit for bit those of one go.

    Also where the kill came between the files of an epoch.
    """
    decoded, config = decode(name), configure(name)
    whole = fit_scratch(config, decoded)

    interrupt(lambda: fit_scratch(config, decoded, tmp_path))
    (stage,) = tmp_path.iterdir()
    for half in ("epoch-2.npz", "writing"):
        (stage / half).write_bytes(b"half of it")
    resumed = fit_scratch(config, decoded, tmp_path)

    pairs = zip(weights_of(whole), weights_of(resumed), strict=True)
    assert all(np.array_equal(*pair) for pair in pairs)
    assert len(whole.stages[0].history.train_loss) == EPOCHS
    assert resumed.stages[0].history == whole.stages[0].history


def test_best_epoch_is_long_past(decode, interrupt, tmp_path):
    """What was best before the interruption is what is kept in the end.

    Labels that mean nothing: no epoch is sure to beat the first.
    """
    decoded, config = decode("small-cnn"), configure("small-cnn")
    lies = np.roll(decoded.validation.targets, 1)
    validation = dataclasses.replace(decoded.validation, targets=lies)
    decoded = dataclasses.replace(decoded, validation=validation)

    interrupt(lambda: fit_scratch(config, decoded, tmp_path), epoch=2)
    resumed = fit_scratch(config, decoded, tmp_path)

    history = resumed.stages[0].history
    kept = history.validation_accuracy[history.best_epoch]
    assert kept == max(history.validation_accuracy)
    logits = resumed.predict_logits(validation, "validation")
    assert np.mean(logits.argmax(axis=1) == lies) == pytest.approx(kept, abs=1e-6)


def test_finished_training(decode, tmp_path):
    """Trained to the end but not exported: nothing is trained again."""
    decoded, config = decode("dense-300-100"), configure("dense-300-100")
    whole = fit_scratch(config, decoded, tmp_path)

    again = fit_scratch(config, decoded, tmp_path)

    assert again.stages[0].history == whole.stages[0].history
    assert again.photos_per_second is None
    pairs = zip(weights_of(whole), weights_of(again), strict=True)
    assert all(np.array_equal(*pair) for pair in pairs)


@pytest.mark.parametrize("damaged", ["notes.json", f"epoch-{EPOCHS}.npz"])
def test_damaged_files(decode, tmp_path, damaged):
    """A damaged file is a sentence, not a training from who knows where."""
    decoded, config = decode("dense-300-100"), configure("dense-300-100")
    fit_scratch(config, decoded, tmp_path)
    (path,) = tmp_path.glob(f"*/{damaged}")
    path.write_bytes(path.read_bytes()[:60])

    with pytest.raises(UnfitCache, match="begin anew without --resume"):
        fit_scratch(config, decoded, tmp_path)


def scores_of(version_folder, images):
    """What the exported model says of pictures."""
    loaded = tf.saved_model.load(str(version_folder))
    return loaded.signatures["serving_default"](images=images)["scores"].numpy()


def test_whole_run(clothes, interrupt, tmp_path):
    """A run stopped twice, in its training and in that on shuffled labels."""
    config = configure(
        "small-cnn",
        data=str(clothes),
        output=tmp_path / "whole",
        cache_dir=tmp_path / "cache",
    )
    whole = run(config)
    resuming = dataclasses.replace(config, output=tmp_path / "halves", resumes=True)

    interrupt(lambda: run(dataclasses.replace(resuming, resumes=False)))
    interrupt(lambda: run(resuming), fits=1)
    halves = run(resuming)

    images = np.random.default_rng(1).integers(0, 256, (9, 28, 28, 3), np.uint8)
    assert np.array_equal(
        scores_of(whole.version_folder, images),
        scores_of(halves.version_folder, images),
    )
    assert halves.version_folder == tmp_path / "halves" / "1"
    assert not list((tmp_path / "cache" / "unfinished").iterdir())


@pytest.fixture(name="ladder")
def _ladder(tmp_path):
    """Two rungs of two epochs."""
    return LadderConfig(
        data=str(draw_photos(tmp_path / "shades", 10)),
        output=tmp_path / "models",
        rungs=(1, 2),
        max_epochs=2,
        cache_dir=tmp_path / "cache",
        resumes=True,
    )


@pytest.mark.timeout(300)
def test_ladder(interrupt, ladder):
    """Stopped on the second rung: the first stays as it is, the second goes on."""
    # The first rung's training, that on shuffled labels, and then the second rung's.
    interrupt(lambda: climb(ladder), fits=2)
    before = sorted(path.name for path in ladder.output.iterdir())
    (notes,) = ladder.cache_dir.glob("unfinished/*/*/notes.json")
    noted = json.loads(notes.read_text())

    rungs = climb(ladder)

    assert before == ["ladder-1"]
    assert [rung.version for rung in rungs] == ["ladder-1/1", "ladder-2/1"]
    assert [len(rung.history.train_loss) for rung in rungs] == [2, 2]
    assert rungs[1].history.train_loss[0] == noted["loss"][0]
    # Other knobs or other photos: it is another climb, and trains.
    interrupt(lambda: climb(dataclasses.replace(ladder, seed=1)), epoch=0)
    (Path(ladder.data) / "dark" / "0.png").unlink()
    interrupt(lambda: climb(ladder), epoch=0)
