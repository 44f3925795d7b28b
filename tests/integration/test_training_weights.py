"""Photos that count more than others, in every place that learns or chooses."""

import dataclasses
from pathlib import Path

import keras
import numpy as np
import pytest

from tests.integration.trained_model import draw_photos, train_briefly
from tests.integration.transfer_backbone import build_tiny_backbone, draw_pixels
from training.calibration import measure_reliability
from training.config import FineTuningConfig, HeadConfig, TrainingConfig
from training.fine_tune import MapSamples, PassBatches
from training.head import Samples, balance_classes, fit_head
from training.transfer import TransferLearner

# A plain learner: nothing left out, nothing pulled to zero.
HEAD = HeadConfig(
    max_epochs=60, learning_rate=0.1, dropout=0.0, weight_decay=0.0, batch_size=8
)


def alike(weights, classes=2):
    """Photos that nobody can tell apart, half of either class, weighed by class."""
    targets = np.arange(40) % 2
    return Samples(
        features=np.ones((40, 3), np.float32),
        targets=targets,
        classes=classes,
        weights=None if weights is None else np.float32(weights)[targets],
    )


def share_of_first(head):
    """The score of the first class for such a photo."""
    logits = head(np.ones((1, 3), np.float32), training=False).numpy()[0]
    return float(keras.ops.softmax(logits)[0])


@pytest.mark.parametrize(
    "weights, expected", [(None, 0.5), ((3.0, 1.0), 0.75), ((0.25, 1.0), 0.2)]
)
def test_head(weights, expected):
    """Where photos cannot be told apart, a class scores its share of the weights."""
    samples = alike(weights)

    head, _ = fit_head(samples, samples, HEAD, seed=0)

    assert share_of_first(head) == pytest.approx(expected, abs=0.02)


def test_validation_figures():
    """Epochs are judged by weighted photos: a share of 3/4 right, not of a half."""
    samples = alike((3.0, 1.0))

    _, stage = fit_head(samples, samples, HEAD, seed=0)

    past = stage.history
    assert past.validation_accuracy[past.best_epoch] == pytest.approx(0.75)
    assert past.train_accuracy[past.best_epoch] == pytest.approx(0.75)


def test_stop_is_weighted():
    """Validation's heavy photos, not its many, say when the head was best."""
    train = alike((9.0, 1.0))
    few, many = alike((9.0, 1.0)), alike((1.0, 9.0))

    _, agreed = fit_head(train, few, HEAD, seed=0)
    _, opposed = fit_head(train, many, HEAD, seed=0)

    losses = opposed.history.validation_loss
    assert agreed.history.best_epoch > opposed.history.best_epoch
    assert losses[-1] > losses[opposed.history.best_epoch]


def test_balance():
    """Balanced classes weigh the same together, with the ratios within each kept."""
    targets = np.array([0, 0, 0, 1])
    weights = np.float32([1, 2, 1, 2])

    balanced = balance_classes(targets, 2, weights)

    # 6 in all, 3 for each class: 4 of the first become 3, 2 of the second 3.
    np.testing.assert_allclose(balanced, [0.75, 1.5, 0.75, 3], rtol=1e-6)
    np.testing.assert_allclose(
        balance_classes(targets, 3, None), [4 / 9, 4 / 9, 4 / 9, 4 / 3], rtol=1e-6
    )


def test_balance_of_weights():
    """Balancing undoes what weights say of a class as a whole."""
    samples = alike((3.0, 1.0))
    knobs = dataclasses.replace(HEAD, balances_classes=True)

    head, _ = fit_head(samples, alike(None), knobs, seed=0)

    assert share_of_first(head) == pytest.approx(0.5, abs=0.02)


def test_mixed_batches():
    """A mixed batch has the loss of its two pictures, each with its own weight."""
    weights = np.float32([1, 0.25, 0.5, 4])
    samples = MapSamples(
        passes=(np.arange(4, dtype=np.float16).reshape(4, 1, 1, 1),),
        targets=np.eye(2, dtype=np.float32)[[0, 1, 1, 0]],
        weights=weights,
    )
    scores = np.log(np.float32([0.3, 0.7]))

    batch = PassBatches(samples, 4, seed=3, mixup=0.4)[0]

    order = PassBatches(samples, 4, seed=3)[0][0].reshape(-1).astype(int)
    chance = np.random.default_rng([3, 0, 0])
    share, other = chance.beta(0.4, 0.4), order[chance.permutation(4)]
    maps, targets, mixed = (np.asarray(part) for part in batch)
    np.testing.assert_allclose(
        maps.reshape(-1), share * order + (1 - share) * other, 1e-6
    )
    losses = -(samples.targets @ scores) * weights
    np.testing.assert_allclose(
        -(targets @ scores) * mixed,
        share * losses[order] + (1 - share) * losses[other],
        rtol=1e-5,
    )
    np.testing.assert_allclose(targets.sum(axis=1), 1, rtol=1e-6)


def test_unmixed_batches():
    """Without mixing, each picture's weight goes with it in every order."""
    samples = MapSamples(
        passes=(np.arange(6, dtype=np.float16).reshape(6, 1, 1, 1),),
        targets=np.eye(2, dtype=np.float32)[[0, 1] * 3],
        weights=np.arange(6, dtype=np.float32),
    )

    batches = [PassBatches(samples, 4, seed=1)[index] for index in range(2)]

    for maps, _, weights in batches:
        np.testing.assert_array_equal(maps.reshape(-1), weights)


# Keras writes TensorFlow's variables with h5py, which asks NumPy 2 for no copy.
@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")
def test_fine_tuning(tmp_path):
    """Told by weights that stripes mean the other class, all of training follows."""
    pixels = draw_pixels(48, seed=1)
    # Each picture twice: lightly with its label, heavily with the other one.
    twice = np.repeat(np.arange(48), 2)
    both = pixels.take(twice)
    is_other = np.arange(96) % 2 == 1
    torn = dataclasses.replace(
        both,
        targets=np.where(is_other, 1 - both.targets, both.targets),
        weights=np.where(is_other, 1, 0.05).astype(np.float32),
    )
    config = TrainingConfig(
        data="",
        output=Path(),
        cache_dir=None,
        passes=1,
        head=HeadConfig(max_epochs=20, learning_rate=0.02),
        fine_tuning=FineTuningConfig(
            max_epochs=12, passes=1, patience_epochs=12, learning_rate=5e-3, share=0.9
        ),
    )
    learner = TransferLearner(build_tiny_backbone(), config)

    trained = learner.fit(torn, torn, 2, tmp_path)

    logits = trained.predict_logits(pixels, "scores")
    share_turned = (logits.argmax(axis=1) == 1 - pixels.targets).mean()
    reached = trained.stages[1].history
    assert share_turned > 0.9
    assert trained.stages[1].is_kept
    assert min(reached.validation_loss) < trained.stages[0].history.validation_loss[-1]
    # Keras' mean counts weights by the number of photos, ours by their sum.
    told = measure_reliability(
        trained.predict_logits(torn, "scores"), torn.targets, torn.weights
    )
    assert told.loss * torn.weights.mean() == pytest.approx(
        min(reached.validation_loss), rel=0.02
    )


def test_whole_run(tmp_path):
    """A folder's weights.csv goes all the way into what a run says of the test part."""
    folder = draw_photos(tmp_path / "photos", count=10)
    rows = [f"dark/{number}.png,0.5" for number in range(10)]
    (folder / "weights.csv").write_text("\n".join(["path,weight", *rows]))

    result = train_briefly(folder, tmp_path / "models" / "shades")

    # 15 % of ten are two of each class: weights 0.5, 0.5, 1, 1.
    weighted = result.evaluation.weighted
    assert weighted.effective_count == pytest.approx(9 / 2.5)
    assert weighted.majority_baseline == pytest.approx(2 / 3)
