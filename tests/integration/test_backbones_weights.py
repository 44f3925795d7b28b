"""Genuine weights: the first layer by hand, real photos, and wrong scalings."""

import json

import keras
import numpy as np
import pytest

from gateway.image import decode_image
from training.backbones import build_backbone, build_network
from training.efficientnet_lite import VARIANTS, checkpoint_path
from training.legacy_checkpoint import read_checkpoint

PHOTOS = 24
# Keras' order of ImageNet's classes: breeds of dogs are these.
DOGS = range(151, 269)


@pytest.fixture(name="load_photos", scope="module")
def _load_photos(datasets_dir):
    """load_photos("cats-vs-dogs/test/dogs", count, size) -> uint8 pictures by name."""

    def load(folder, count, size):
        paths = sorted((datasets_dir / folder).glob("*.jpg"))[:count]
        return np.stack([decode_image(path.read_bytes(), size) for path in paths])

    return load


@pytest.fixture(name="pizza", scope="module")
def _pizza(datasets_dir):
    """The place of "pizza" in the class index."""
    text = (datasets_dir / "keras-weights" / "imagenet_class_index.json").read_text()
    return next(int(n) for n, (_, name) in json.loads(text).items() if name == "pizza")


@pytest.mark.parametrize("name", VARIANTS)
def test_first_convolution(name):
    """The stem of each Lite network is its checkpoint's kernel over (x - 127) / 128.

    Source of the scaling: the EfficientNet-Lite release, MEAN_RGB and STDDEV_RGB.
    """
    side = 32
    images = np.random.default_rng(1).integers(0, 256, (1, side, side, 3), np.uint8)
    kernel = read_checkpoint(checkpoint_path(VARIANTS[name]))["_conv_stem.weight"]
    # TensorFlow's "same" at stride 2 adds one row and column behind an even side.
    padded = np.pad((images[0] - 127.0) / 128, ((0, 1), (0, 1), (0, 0)))
    wanted = [
        [
            np.einsum("oihw,hwi->o", kernel, padded[row : row + 3, column : column + 3])
            for column in range(0, side, 2)
        ]
        for row in range(0, side, 2)
    ]

    network = build_backbone(name, size=(side, side)).network
    stem = keras.Model(network.input, network.get_layer("lite_conv_stem").output)

    # float32 against float64: sums of 27 products.
    np.testing.assert_allclose(stem(images)[0], wanted, atol=1e-4)


@pytest.mark.parametrize("name", VARIANTS)
def test_real_photos(name, load_photos, pizza):
    """Of 1,000 classes, 3 in 4 pizzas are "pizza", 9 in 10 dogs are some breed."""
    network = build_network(name, has_top=True)
    size = network.input_shape[1:3]

    pizzas = network(load_photos("pizza-not-pizza/test/pizza", PHOTOS, size))
    dogs = network(load_photos("cats-vs-dogs/test/dogs", PHOTOS, size))

    assert np.mean(np.argmax(pizzas, axis=1) == pizza) >= 0.75
    assert np.mean(np.isin(np.argmax(dogs, axis=1), DOGS)) >= 0.9


def test_wrong_scaling(load_photos, pizza):
    """The check above is no formality: other scalings fail it with the same weights."""
    network = build_network("efficientnet-lite0", has_top=True)
    behind = keras.Model(network.get_layer("rescaling").output, network.output)
    photos = load_photos("pizza-not-pizza/test/pizza", PHOTOS, (224, 224))

    def pizza_share(scaled):
        best = np.argmax(behind(np.float32(scaled)), axis=1)
        return np.mean(best == pizza)

    assert pizza_share((photos - 127.0) / 128) >= 0.75
    assert pizza_share(photos / 255) <= 0.6
    assert pizza_share(photos) <= 0.2


@pytest.mark.parametrize(
    "name, file",
    [
        (
            "mobilenet-v2-0.35",
            "mobilenet_v2_weights_tf_dim_ordering_tf_kernels_0.35_224_no_top.h5",
        ),
        ("mobilenet-v2", "mobilenet_v2_1.0_224_from_uint8_no_top.h5"),
    ],
)
def test_weights_file(name, file, load_photos, datasets_dir):
    """With real weights cats and dogs lie apart; without scaling they do not.

    Each test photo goes to the nearer of two means, those of 24 train photos a class.
    """
    size = (160, 160)
    path = datasets_dir / "keras-weights" / file
    network = build_backbone(name, str(path), size).network
    behind = keras.Model(network.get_layer("rescaling").output, network.output)
    train, test = (
        [
            load_photos(f"cats-vs-dogs/{part}/{label}", count, size)
            for label in ("cats", "dogs")
        ]
        for part, count in (("train", 24), ("test", 30))
    )

    def accuracy(run):
        features = [
            [np.mean(run(x), axis=(1, 2)) for x in part] for part in (train, test)
        ]
        means = [rows.mean(axis=0) for rows in features[0]]
        hits = [
            np.linalg.norm(rows - means[own], axis=1)
            < np.linalg.norm(rows - means[1 - own], axis=1)
            for own, rows in enumerate(features[1])
        ]
        return np.mean(hits)

    assert accuracy(network) >= 0.8
    assert accuracy(lambda images: behind(np.float32(images))) <= 0.65
