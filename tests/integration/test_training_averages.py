"""Fine-tuning's averaged weights: what validation judges and the best epoch keeps."""

from dataclasses import dataclass
from pathlib import Path

import keras
import numpy as np
import pytest

from tests.integration.transfer_backbone import build_tiny_backbone, draw_pixels
from training.config import Augmentation, FineTuningConfig, HeadConfig, TrainingConfig
from training.trained_model import TrainedModel
from training.transfer import TransferLearner

# Keras writes TensorFlow's variables with h5py, which asks NumPy 2 for no copy.
pytestmark = pytest.mark.filterwarnings(
    "ignore:__array__ implementation doesn't accept a copy:DeprecationWarning"
)
STEPS = 5  # of an epoch: 160 pictures by 32
TUNING = FineTuningConfig(
    max_epochs=3, learning_rate=3e-3, patience_epochs=3, average_epochs=2
)


class _Watch(keras.callbacks.Callback):
    """Averages weights after each step with NumPy alone; at_step sees all of them."""

    def __init__(self, at_step=None):
        super().__init__()
        self.average, self.by_epoch, self._at_step = None, [], at_step

    def on_train_begin(self, logs=None):
        """Begin anew: the head is trained before the blocks. Keras calls this."""
        self.average, self.by_epoch = None, []

    def on_train_batch_begin(self, batch, logs=None):
        """Keras calls this."""
        if self.model.optimizer.iterations.numpy() == self._at_step:
            raise KeyboardInterrupt

    def on_train_batch_end(self, batch, logs=None):
        """Keras calls this."""
        now = [np.array(weight) for weight in self.model.trainable_weights]
        old = now if self.average is None else self.average
        share = 1 - 1 / (STEPS * TUNING.average_epochs)
        self.average = [share * a + (1 - share) * b for a, b in zip(old, now)]

    def on_epoch_end(self, epoch, logs=None):
        """Keras calls this."""
        self.by_epoch.append(self.average)


def learn(watch=None, folder=None, monkeypatch=None):
    """A head and three epochs of the top blocks, all steps told to the watch."""
    config = TrainingConfig(
        data="",
        output=Path(),
        cache_dir=None,
        augmentation=Augmentation(rotate=0, shift=0, zoom=0),
        head=HeadConfig(max_epochs=2),
        fine_tuning=TUNING,
    )
    learner = TransferLearner(build_tiny_backbone(), config)
    parts = draw_pixels(160, seed=1), draw_pixels(60, seed=2)
    if watch is None:
        return learner.fit(*parts, 2, folder)
    fit = keras.Model.fit

    def fit_watched(model, *arguments, callbacks, **settings):
        return fit(model, *arguments, callbacks=[watch, *callbacks], **settings)

    with monkeypatch.context() as patch:
        patch.setattr(keras.Model, "fit", fit_watched)
        return learner.fit(*parts, 2, folder)


def read_kernel(trained):
    """The kernel of the network's last convolution, which learns."""
    return [
        layer.get_weights()[0]
        for layer in trained.classifier.network.layers
        if isinstance(layer, keras.layers.Conv2D)
    ][-1]


@dataclass(frozen=True)
class Whole:
    """A training in one go: what came out, all its averages, and its folder."""

    trained: TrainedModel
    watch: _Watch
    folder: Path


@pytest.fixture(name="whole", scope="module")
def _whole(tmp_path_factory):
    watch, folder = _Watch(), tmp_path_factory.mktemp("whole")
    with pytest.MonkeyPatch.context() as monkeypatch:
        return Whole(learn(watch, folder, monkeypatch), watch, folder)


def test_averaged_weights(whole):
    """What is kept is the running average over two epochs, as the best one left it."""
    tuned = whole.trained.stages[1]
    kernel = read_kernel(whole.trained)

    (average,) = [
        weight
        for weight in whole.watch.by_epoch[tuned.history.best_epoch]
        if weight.shape == kernel.shape
    ]

    assert tuned.is_kept
    # float32: some 15 sums, each rounded to 2**-24 of a weight below 1.
    np.testing.assert_allclose(kernel, average, atol=1e-5)


def test_resumed_averages(whole, tmp_path, monkeypatch):
    """Interrupted in the second epoch and gone on with, the averages are the same."""
    with pytest.raises(KeyboardInterrupt):
        learn(_Watch(at_step=STEPS + 3), tmp_path, monkeypatch)

    resumed = learn(folder=tmp_path)

    assert resumed.stages[1].history == whole.trained.stages[1].history
    assert np.array_equal(read_kernel(resumed), read_kernel(whole.trained))


def test_finished_averages(whole):
    """A run stopped between its last epoch and its end comes to the same weights."""
    again = learn(folder=whole.folder)

    assert again.stages[1].history == whole.trained.stages[1].history
    assert np.array_equal(read_kernel(again), read_kernel(whole.trained))
