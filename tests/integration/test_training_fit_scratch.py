"""Networks trained from their first weights on."""

import dataclasses
from pathlib import Path

import keras
import numpy as np
import pytest

from tests.drawn_idx import write_idx_files
from training.config import FineTuningConfig, HeadConfig, TrainingConfig
from training.datasets import load_split
from training.errors import UnfitKnobs
from training.fit_scratch import fit_scratch
from training.pictures import DecodedSplit, decode_split
from training.scratch import (
    SCRATCH_NETWORKS,
    build_augmentation,
    build_network,
    build_top,
    picture_size,
)


def train(name, decoded, max_epochs=1, seed=0):
    """A few epochs of one network."""
    head = HeadConfig(max_epochs=max_epochs)
    config = TrainingConfig(
        data="drawn", output=Path(), backbone=name, head=head, seed=seed
    )
    return fit_scratch(config, decoded)


@pytest.fixture(name="clothes", scope="module")
def _clothes(tmp_path_factory):
    folder = write_idx_files(tmp_path_factory.mktemp("idx") / "fashion-mnist", 600)
    return decode_split(load_split(str(folder), folder), (28, 28))


@pytest.fixture(name="shades", scope="module")
def _shades(clothes):
    """Twelve dark and light pictures of the rungs' size, in each part."""
    noise = np.random.default_rng(3)
    targets = np.arange(12) % 2
    parts = {}
    for part in ("train", "validation", "test"):
        batch = noise.integers(0, 100, (12, 160, 160, 3), np.uint8)
        batch[targets == 1] += 150
        parts[part] = dataclasses.replace(clothes.test, batch=batch, targets=targets)
    split = dataclasses.replace(clothes.split, labels=("dark", "light"))
    return DecodedSplit(split=split, **parts)


# Weights of the seeds' networks, worked out from their layers: kernels and biases.
@pytest.mark.parametrize(
    "name, classes, count",
    [
        ("dense-300-100", 10, 785 * 300 + 301 * 100 + 101 * 10),
        # 158 -> 79 -> 77 -> 38 pixels a side.
        ("ladder-1", 2, 28 * 16 + 145 * 32 + (38 * 38 * 32 + 1) * 64 + 65 * 2),
        ("ladder-2", 2, 28 * 16 + (79 * 79 * 16 + 1) * 64 + 65 * 2),
        ("ladder-3", 2, 28 * 16 + 145 * 32 + (38 * 38 * 32 + 1) * 64 + 65 * 2),
    ],
)
def test_layers_of_the_seeds(name, classes, count):
    """Each rebuilt network has as many trainable weights as the one it rebuilds."""
    network = build_network(name)
    top = build_top(name, network, classes)

    weights = network.trainable_weights + top.trainable_weights

    assert sum(int(np.prod(weight.shape)) for weight in weights) == count


def test_gray():
    """The dense network's map is the gray picture in 0-1, by Pillow's own shares."""
    picture = np.zeros((1, 28, 28, 3), np.uint8)
    picture[0, 0, 0] = 255
    picture[0, 1, 1] = (255, 0, 0)
    picture[0, 2, 2] = 100

    gray = np.array(build_network("dense-300-100")(picture))[0, :, :, 0]

    np.testing.assert_allclose(gray[[0, 1, 2], [0, 1, 2]], [1, 0.299, 100 / 255], 1e-6)
    assert np.count_nonzero(gray) == 3


@pytest.mark.parametrize(
    "name, value, expected",
    [("ladder-1", 255, 255), ("ladder-2", 255, 255), ("ladder-3", 0, -1)],
)
def test_scaling_of_the_rungs(name, value, expected):
    """Two rungs take pixels as they are, the third from -1 to 1."""
    scaling = build_network(name).layers[1]

    scaled = scaling(np.full((1, 160, 160, 3), value, np.uint8))

    np.testing.assert_allclose(np.array(scaled), expected, atol=1e-6)


def test_augmentation():
    """Changed pictures are pictures: uint8, as bright as before, and not the same."""
    keras.utils.set_random_seed(1)
    picture = np.tile(np.arange(160, dtype=np.uint8)[:, None, None], (1, 160, 3))
    batch = np.stack([picture] * 8)
    turn = build_augmentation("ladder-2")

    changed = np.array(turn(batch, training=True))

    assert changed.dtype == np.uint8
    assert changed.max() <= 159
    assert len({image.tobytes() for image in changed}) == 8
    np.testing.assert_array_equal(np.array(turn(batch, training=False)), batch)
    assert build_augmentation("ladder-1") is None


@pytest.mark.parametrize("name", ["dense-300-100", "small-cnn"])
def test_clothes(clothes, name):
    """All forms of the classifier agree, and history tells of one epoch."""
    trained = train(name, clothes)

    logits = trained.predict_logits(clothes.test, "test")
    scores = np.array(trained.classifier.keras_model()(clothes.test.batch))
    explained = trained.classifier.explain(clothes.test.batch)

    exponents = np.exp(logits)
    expected = exponents / exponents.sum(axis=1, keepdims=True)
    # Folding reorders float32 sums; the scores are 0-1.
    np.testing.assert_allclose(scores, expected, atol=1e-5)
    np.testing.assert_allclose(np.array(explained["scores"]), scores, atol=1e-5)
    assert explained["heatmap"].shape[0] == len(logits)
    (stage,) = trained.stages
    assert len(stage.history.train_loss) == 1
    assert stage.history.best_epoch == 0
    assert stage.seconds > 0


@pytest.mark.parametrize("name", ["ladder-1", "ladder-2", "ladder-3"])
def test_rungs(shades, name):
    """Each rung trains on photos of 160 pixels a side and gives finite scores."""
    trained = train(name, shades)

    logits = trained.predict_logits(shades.test, "test")

    assert logits.shape == (12, 2)
    assert np.isfinite(logits).all()
    assert trained.classifier.size == (160, 160)


@pytest.mark.parametrize("name", ["ladder-1", "ladder-2"])
def test_pixels_not_scaled(shades, name):
    """Rungs that see pixels of 0-255 do not fall at once to one answer for all.

    Nothing wakes a hidden unit that no picture wakes: then all logits are the same.
    """
    trained = train(name, shades, max_epochs=10)

    logits = trained.predict_logits(shades.train, "train")

    # Untrained, all logits are 0 and the loss is that of two equal chances.
    assert trained.stages[0].history.train_loss[0] == pytest.approx(np.log(2), 1e-4)
    assert np.ptp(logits[:, 0]) > 0


def test_learning(clothes):
    """Ten bars at ten heights are learned; with shuffled labels they are not."""
    trained = train("dense-300-100", clothes, max_epochs=30)
    lies = np.random.default_rng(5).permutation(clothes.train.targets)
    shuffled = dataclasses.replace(
        clothes, train=dataclasses.replace(clothes.train, targets=lies)
    )

    fooled = train("dense-300-100", shuffled, max_epochs=30)

    def accuracy(model):
        best = model.predict_logits(clothes.test, "test").argmax(axis=1)
        return np.mean(best == clothes.test.targets)

    assert accuracy(trained) >= 0.9
    # Chance is 0.1; of 50 pictures more than 13 happen once in 1,000 runs.
    assert accuracy(fooled) <= 0.26


def test_kept_epoch(clothes):
    """The dense network keeps its last epoch, the others the best on validation."""
    dense = train("dense-300-100", clothes, max_epochs=3)
    small = train("small-cnn", clothes, max_epochs=3)

    assert dense.stages[0].history.best_epoch == 2
    history = small.stages[0].history
    best = max(history.validation_accuracy)
    assert history.validation_accuracy[history.best_epoch] == best
    logits = small.predict_logits(clothes.validation, "validation")
    right = np.mean(logits.argmax(axis=1) == clothes.validation.targets)
    # The weights are those of that epoch: they score as it did.
    assert right == pytest.approx(best, abs=1e-6)


@pytest.mark.parametrize(
    "knobs, message",
    [
        ({"size": 96}, "--size 96"),
        ({"folds": 5}, "cross-validation"),
        ({"search_trials": 9, "weights": "net.h5"}, "a search, --weights net.h5"),
        ({"fine_tuning": FineTuningConfig(max_epochs=1)}, "fine-tuning"),
    ],
)
def test_unfit_knobs(knobs, message):
    """What only a pretrained network can do is refused, not left out in silence."""
    config = TrainingConfig(data="drawn", output=Path(), backbone="small-cnn", **knobs)

    with pytest.raises(UnfitKnobs, match=message):
        picture_size(config)


def test_own_size():
    """The network's own size may be asked for; dense and rungs have the seeds'."""
    config = TrainingConfig(data="drawn", output=Path(), backbone="ladder-1", size=160)

    assert picture_size(config) == (160, 160)
    assert picture_size(dataclasses.replace(config, size=None)) == (160, 160)


def test_own_epochs():
    """A network trains no longer than it is meant to: the seeds' 30 and 20 epochs."""
    epochs = {name: network.epochs for name, network in SCRATCH_NETWORKS.items()}

    assert epochs["dense-300-100"] == 30
    assert [epochs[f"ladder-{rung}"] for rung in (1, 2, 3)] == [20, 20, 20]


def test_same_seed(clothes):
    """The same seed gives the same weights, bit for bit."""
    weights = [
        train("small-cnn", clothes).classifier.keras_model().get_weights()
        for _ in range(2)
    ]

    assert all(np.array_equal(*pair) for pair in zip(*weights))


def test_another_seed(clothes):
    """Another seed gives other weights, on the same pictures."""
    weights = [
        train("dense-300-100", clothes, seed=seed).classifier.head.get_weights()
        for seed in (0, 1)
    ]

    assert not any(np.array_equal(*pair) for pair in zip(*weights))
