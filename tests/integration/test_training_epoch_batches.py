"""In which order networks from scratch see their pictures."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from tests.drawn_idx import write_idx_files
from training.config import HeadConfig, TrainingConfig
from training.datasets import load_split
from training.epoch_batches import EpochBatches
from training.fit_scratch import fit_scratch
from training.pictures import decode_split

COUNT = 10


def batches_of(epoch, seed=0):
    """The numbers of the pictures that an epoch shows, batch by batch."""
    numbers = np.arange(COUNT)
    batches = EpochBatches((numbers, -numbers), batch_size=4, seed=seed)
    batches.on_epoch_begin(epoch)
    shown = [(part.numpy(), other.numpy()) for part, other in batches.dataset]
    assert all(np.array_equal(part, -other) for part, other in shown)
    return [part.tolist() for part, _ in shown]


def test_batches():
    """Every picture once, the last batch with what is left, the parts together."""
    shown = batches_of(epoch=0)

    assert [len(batch) for batch in shown] == [4, 4, 2]
    assert sorted(sum(shown, [])) == list(range(COUNT))
    assert len(EpochBatches((np.arange(COUNT),), 4, 0).dataset) == 3


def test_order():
    """It changes with the epoch and with the seed, and with nothing else."""
    assert batches_of(epoch=3) == batches_of(epoch=3)
    # Two of 10! orders are equal by chance once in 3.6 million.
    assert batches_of(epoch=3) != batches_of(epoch=4)
    assert batches_of(epoch=3) != batches_of(epoch=3, seed=1)


@pytest.fixture(name="shown")
def _shown(monkeypatch):
    """What Keras learns from: a number for each picture, in the order of the steps."""
    shown, learn = [], keras.Model.train_step

    def note(images):
        shown.extend(images.numpy().sum(axis=(1, 2, 3)).tolist())

    def train_step(model, data):
        tf.py_function(note, [tf.cast(data[0], tf.int64)], [])
        return learn(model, data)

    monkeypatch.setattr(keras.Model, "train_step", train_step)
    return shown


def test_epochs_of_a_training(shown, tmp_path):
    """Each epoch of a network from scratch shows all pictures, each in its own order.

    dense-300-100 runs more steps at once than an epoch has.
    """
    folder = write_idx_files(tmp_path / "fashion-mnist", 240)
    decoded = decode_split(load_split(str(folder), folder), (28, 28))
    config = TrainingConfig(
        data="",
        output=None,
        backbone="dense-300-100",
        head=HeadConfig(max_epochs=3),
    )

    fit_scratch(config, decoded)

    epochs = np.array(shown).reshape(3, len(decoded.train.targets))
    pictures = decoded.train.batch.sum(axis=(1, 2, 3))
    assert all(np.array_equal(np.sort(epoch), np.sort(pictures)) for epoch in epochs)
    assert len({epoch.tobytes() for epoch in epochs}) == 3
