"""A head and top blocks on one backbone: what is kept, found again and gone on with."""

from dataclasses import replace
from pathlib import Path

import keras
import numpy as np
import pytest

from tests.integration.transfer_backbone import build_tiny_backbone, draw_pixels
from training.config import Augmentation, FineTuningConfig, HeadConfig, TrainingConfig
from training.cross_validation import cross_validate, deal_out
from training.search import tell_search
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


def test_fine_tuning_learns(train, validation):
    """Where random features do not suffice, trained top blocks are kept and better."""
    tuning = FineTuningConfig(max_epochs=25, learning_rate=3e-3, patience_epochs=25)
    learner = TransferLearner(build_tiny_backbone(), configure(fine_tuning=tuning))

    trained = learner.fit(train, validation, classes=2)

    head, tuned = trained.stages
    assert tuned.is_kept
    assert max(head.history.validation_accuracy) < 0.9
    assert accuracy(trained, draw_pixels(60, seed=3)) > 0.95


def test_harm_is_undone(train, validation):
    """Top blocks that validation likes less are forgotten, to the last weight."""
    wild = FineTuningConfig(max_epochs=2, learning_rate=5.0)
    tuning = FineTuningConfig(max_epochs=25, learning_rate=3e-3, patience_epochs=25)
    backbone = build_tiny_backbone()
    TransferLearner(backbone, configure(fine_tuning=tuning)).fit(train, validation, 2)
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


def test_batch_norms_keep_their_statistics(train, validation):
    """Fine-tuning on few pictures moves kernels, and no mean or variance."""
    tuning = FineTuningConfig(max_epochs=25, learning_rate=3e-3, patience_epochs=25)
    network = (backbone := build_tiny_backbone()).network
    norms = [
        layer
        for layer in network.layers
        if isinstance(layer, keras.layers.BatchNormalization)
    ]
    before = [np.array(layer.moving_mean) for layer in norms]
    kernel = network.layers[-3].get_weights()[0]

    trained = TransferLearner(backbone, configure(fine_tuning=tuning)).fit(
        train, validation, classes=2
    )

    assert trained.stages[1].is_kept
    assert not np.array_equal(network.layers[-3].get_weights()[0], kernel)
    for layer, mean in zip(norms, before, strict=True):
        assert np.array_equal(layer.moving_mean, mean)


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


def test_same_seed(train, validation):
    """The same seed gives the same logits, another one does not."""
    tuning = FineTuningConfig(max_epochs=2, learning_rate=1e-3)
    config = configure(fine_tuning=tuning)

    first, again, other = (
        TransferLearner(build_tiny_backbone(), replace(config, seed=seed))
        .fit(train, validation, 2)
        .predict_logits(validation, "scores")
        for seed in (5, 5, 6)
    )

    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)


class _Interrupt(keras.callbacks.Callback):
    """Ctrl-C in the middle of the third epoch."""

    def on_train_batch_begin(self, batch, logs=None):
        if self.model.optimizer.iterations.numpy() == 13:
            raise KeyboardInterrupt


def test_resumed_fine_tuning(train, validation, tmp_path, monkeypatch):
    """Interrupted and gone on with, the weights are those of one go."""
    tuning = FineTuningConfig(max_epochs=5, learning_rate=1e-3, patience_epochs=5)
    config = configure(fine_tuning=tuning)
    whole = TransferLearner(build_tiny_backbone(), config).fit(train, validation, 2)
    expected = whole.predict_logits(validation, "scores")

    fit = keras.Model.fit

    def fit_until(model, *arguments, callbacks, **settings):
        callbacks = [*callbacks, _Interrupt()]
        return fit(model, *arguments, callbacks=callbacks, **settings)

    learner = TransferLearner(build_tiny_backbone(), config)
    with monkeypatch.context() as patch:
        patch.setattr(keras.Model, "fit", fit_until)
        with pytest.raises(KeyboardInterrupt):
            learner.fit(train, validation, 2, tmp_path)
    resumed = TransferLearner(build_tiny_backbone(), config).fit(
        train, validation, 2, tmp_path
    )

    assert np.array_equal(resumed.predict_logits(validation, "scores"), expected)
    assert resumed.stages[1].history == whole.stages[1].history


def test_search(train, validation):
    """The best of some settings is used, and it is no worse than the given one."""
    config = configure(search_trials=4)

    trained = TransferLearner(build_tiny_backbone(), config).fit(train, validation, 2)

    losses = [trial.loss for trial in trained.trials]
    given = [trial for trial in trained.trials if trial.config == config.head]
    assert len(trained.trials) == 4
    assert losses == sorted(losses)
    assert given and losses[0] <= given[0].loss
    (sentence,) = tell_search(trained.trials, config.head)
    assert sentence.startswith("4 settings of the head were tried")
    assert f"{losses[0]:.4f}" in sentence


def test_cross_validation(train):
    """Every photo is judged once, by a model that never saw it."""
    config = configure(folds=4)
    learner = TransferLearner(build_tiny_backbone(), config)

    crossed = cross_validate(learner, train, 2, config)

    assert len(crossed.folds) == 4
    assert crossed.count == 160
    assert crossed.correct == round(sum(40 * share for share in crossed.folds))


def test_folds(train):
    """Each picture in one fold, classes even, a copy beside its twin."""
    copies = train.take(np.array([*range(160), 0, 0, 1]))

    folds = deal_out(copies, 5)

    assert sorted(np.concatenate(folds)) == list(range(163))
    for fold in folds:
        assert abs(copies.targets[fold].mean() - 0.5) < 0.05
    (home,) = [fold for fold in folds if 0 in fold]
    assert {0, 160, 161} <= set(home.tolist())
