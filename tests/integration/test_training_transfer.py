"""A head and top blocks on one backbone: what is kept, found again and gone on with."""

from dataclasses import dataclass
from pathlib import Path

import keras
import numpy as np
import pytest

from tests.integration.transfer_backbone import build_tiny_backbone, draw_pixels
from training.backbones import Backbone
from training.config import Augmentation, FineTuningConfig, HeadConfig, TrainingConfig
from training.cross_validation import cross_validate, deal_out
from training.search import tell_search
from training.trained_model import TrainedModel
from training.transfer import TransferLearner

# Keras writes TensorFlow's variables with h5py, which asks NumPy 2 for no copy.
pytestmark = pytest.mark.filterwarnings(
    "ignore:__array__ implementation doesn't accept a copy:DeprecationWarning"
)
STILL = Augmentation(flip=True, rotate=0, shift=0, zoom=0)


def configure(**knobs):
    """A short run: ten epochs of the head, no fine-tuning, nothing kept on disk."""
    settings = {
        "cache_dir": None,
        "augmentation": STILL,
        "head": HeadConfig(max_epochs=10),
        **knobs,
    }
    return TrainingConfig(data="", output=Path(), **settings)


@pytest.fixture(name="train", scope="module")
def _train():
    return draw_pixels(160, seed=1)


@pytest.fixture(name="validation", scope="module")
def _validation():
    return draw_pixels(60, seed=2)


def accuracy(trained, pixels):
    """Share of pictures whose largest logit is their class."""
    logits = trained.predict_logits(pixels, "scores")
    return (logits.argmax(axis=1) == pixels.targets).mean()


@dataclass(frozen=True)
class Tuned:
    """A backbone whose top blocks were trained, and its weights before."""

    backbone: Backbone
    before: list
    trained: TrainedModel


@pytest.fixture(name="tuned", scope="module")
def _tuned(train, validation):
    """Twenty-five epochs of the top blocks, which random features need."""
    tuning = FineTuningConfig(max_epochs=25, learning_rate=3e-3, patience_epochs=25)
    backbone = build_tiny_backbone()
    before = backbone.network.get_weights()
    learner = TransferLearner(backbone, configure(fine_tuning=tuning))
    return Tuned(backbone, before, learner.fit(train, validation, classes=2))


def test_fine_tuning_learns(tuned):
    """Where random features do not suffice, trained top blocks are kept and better."""
    head, top = tuned.trained.stages

    assert top.is_kept
    assert max(head.history.validation_accuracy) < 0.9
    assert accuracy(tuned.trained, draw_pixels(60, seed=3)) > 0.95


def test_harm_is_undone(tuned, train, validation):
    """Top blocks that validation likes less are forgotten, to the last weight."""
    wild = FineTuningConfig(max_epochs=2, learning_rate=5.0)
    backbone = tuned.backbone
    learned = backbone.network.get_weights()
    alone = TransferLearner(backbone, configure()).fit(train, validation, 2)
    expected = alone.predict_logits(validation, "")

    trained = TransferLearner(backbone, configure(fine_tuning=wild)).fit(
        train, validation, classes=2
    )

    assert not trained.stages[1].is_kept
    for old, new in zip(learned, backbone.network.get_weights(), strict=True):
        assert np.array_equal(old, new)
    assert np.array_equal(trained.predict_logits(validation, ""), expected)


def test_batch_norms_keep_their_statistics(tuned):
    """Fine-tuning on few pictures moves kernels, and no mean or variance."""
    network = tuned.backbone.network
    is_changed = {
        weight.path: not np.array_equal(weight, before)
        for weight, before in zip(network.weights, tuned.before, strict=True)
    }

    statistics = [path for path in is_changed if "/moving_" in path]
    # Mean and variance of three batch norms.
    assert len(statistics) == 6
    assert is_changed[network.layers[-3].kernel.path]
    assert not any(is_changed[path] for path in statistics)


def test_classifier_is_what_was_judged(train, validation):
    """The network to export gives the very logits that were evaluated."""
    tuning = FineTuningConfig(max_epochs=3, learning_rate=3e-3)
    learner = TransferLearner(build_tiny_backbone(), configure(fine_tuning=tuning))

    trained = learner.fit(train, validation, classes=2)

    logits = trained.predict_logits(validation, "scores")
    shifted = np.exp(logits - logits.max(axis=1, keepdims=True))
    scores = trained.classifier.keras_model()(validation.batch, training=False)
    # Folding and freezing only reorder float32 sums.
    np.testing.assert_allclose(
        scores, shifted / shifted.sum(axis=1, keepdims=True), atol=1e-5
    )


def fit_again(train, validation, seed, folder=None):
    """Five epochs of a new backbone's top blocks."""
    tuning = FineTuningConfig(max_epochs=5, learning_rate=1e-3, patience_epochs=5)
    config = configure(fine_tuning=tuning, seed=seed)
    learner = TransferLearner(build_tiny_backbone(), config)
    return learner.fit(train, validation, 2, folder)


@pytest.fixture(name="whole", scope="module")
def _whole(train, validation):
    """A run that nothing interrupts, and its logits."""
    trained = fit_again(train, validation, seed=5)
    return trained, trained.predict_logits(validation, "scores")


def test_same_seed(train, validation, whole):
    """The same seed gives the same logits, another one does not."""
    again, other = (
        fit_again(train, validation, seed).predict_logits(validation, "scores")
        for seed in (5, 6)
    )

    assert np.array_equal(whole[1], again)
    assert not np.array_equal(whole[1], other)


class _Interrupt(keras.callbacks.Callback):
    """Ctrl-C in the middle of the third epoch."""

    def on_train_batch_begin(self, batch, logs=None):
        if self.model.optimizer.iterations.numpy() == 13:
            raise KeyboardInterrupt


def test_resumed_fine_tuning(train, validation, whole, tmp_path, monkeypatch):
    """Interrupted and gone on with, the weights are those of one go."""
    fit = keras.Model.fit

    def fit_until(model, *arguments, callbacks, **settings):
        callbacks = [*callbacks, _Interrupt()]
        return fit(model, *arguments, callbacks=callbacks, **settings)

    with monkeypatch.context() as patch:
        patch.setattr(keras.Model, "fit", fit_until)
        with pytest.raises(KeyboardInterrupt):
            fit_again(train, validation, seed=5, folder=tmp_path)
    resumed = fit_again(train, validation, seed=5, folder=tmp_path)

    trained, expected = whole
    assert np.array_equal(resumed.predict_logits(validation, "scores"), expected)
    assert resumed.stages[1].history == trained.stages[1].history


def test_search(train, validation):
    """The best of some settings is used, and it is no worse than the given one."""
    config = configure(search_trials=3)

    trained = TransferLearner(build_tiny_backbone(), config).fit(train, validation, 2)

    losses = [trial.loss for trial in trained.trials]
    given = [trial for trial in trained.trials if trial.config == config.head]
    assert len(trained.trials) == 3
    assert losses == sorted(losses)
    assert given and losses[0] <= given[0].loss
    (sentence,) = tell_search(trained.trials, config.head)
    assert sentence.startswith("3 settings of the head were tried")
    assert f"{losses[0]:.4f}" in sentence


def test_cross_validation(train):
    """Every photo is judged once, by a model that never saw it."""
    config = configure(folds=3)
    learner = TransferLearner(build_tiny_backbone(), config)

    crossed = cross_validate(learner, train.take(np.arange(150)), 2, config)

    assert len(crossed.folds) == 3
    assert crossed.count == 150
    assert crossed.correct == round(sum(50 * share for share in crossed.folds))


def test_folds(train):
    """Each picture in one fold, classes even, a copy beside its twin."""
    copies = train.take(np.array([*range(160), 0, 0, 1]))

    folds = deal_out(copies, 5)

    assert sorted(np.concatenate(folds)) == list(range(163))
    for fold in folds:
        assert abs(copies.targets[fold].mean() - 0.5) < 0.05
    (home,) = [fold for fold in folds if 0 in fold]
    assert {0, 160, 161} <= set(home.tolist())
