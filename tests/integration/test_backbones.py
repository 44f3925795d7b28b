"""Every network of Keras sees what Keras' own preprocessing would have shown it."""

import keras
import numpy as np
import pytest

from tests.integration.keras_references import (
    DEVIATION,
    REFERENCES,
    build_reference,
    reference_features,
    save_as_released,
)
from training.backbones import build_backbone
from training.fold import fold_network

# TensorFlow 2.20's variables lack an argument of NumPy 2.3 that Keras' saving uses.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation")
SIZE = (96, 96)
# Rounding grows where a settled batch norm divides by a tiny deviation: the largest
# seen is 5e-3 (InceptionV3). Features deviate by 0.2 to 0.6.
TOLERANCE = 2e-2


@pytest.fixture(name="images", scope="module")
def _images():
    return np.random.default_rng(2).integers(0, 256, (8, *SIZE, 3), np.uint8)


@pytest.mark.parametrize("name", REFERENCES)
def test_pixels_and_folding(name, images, tmp_path):
    """The network, filled from a file, answers as Keras' own; so does its folded copy.

    In 0-1 the same pictures give another answer: a wrong scaling could not pass.
    """
    reference = build_reference(name, images)
    save_as_released(reference, tmp_path / "own.weights.h5")
    wanted = reference_features(name, reference, images[:2])
    dark = reference_features(name, reference, images[:2] / 255)

    backbone = build_backbone(name, str(tmp_path / "own.weights.h5"), SIZE)
    folded = fold_network(backbone.network)

    features = backbone.network(images[:2]).numpy()
    assert (backbone.name, backbone.size) == (name, SIZE)
    assert features.std() > 0.1
    np.testing.assert_allclose(features, wanted, atol=TOLERANCE)
    np.testing.assert_allclose(folded(images[:2]), features, atol=TOLERANCE)
    assert np.abs(dark - wanted).max() > 10 * TOLERANCE
    norms = keras.layers.BatchNormalization
    assert not any(isinstance(layer, norms) for layer in folded.layers)


@pytest.mark.parametrize(
    "name, parameters, channels, scale",
    [
        # Each of Keras' own divides by what its weights call the variance.
        ("efficientnet-b3", 10_783_535, 1536, lambda x: x / 255 / DEVIATION**0.5),
        ("efficientnet-b5", 28_513_527, 2048, lambda x: x / 255 / DEVIATION**0.5),
        ("efficientnet-v2-m", 53_150_388, 1280, lambda x: x / 128 - 1),
    ],
    ids=["efficientnet-b3", "efficientnet-b5", "efficientnet-v2-m"],
)
def test_large_networks(name, parameters, channels, scale, images):
    """Networks of the same layers, too large to be run here: size and pixels are right.

    The parameters are totals that others have published for these networks, without
    their heads: 10,858,800 - 75,265; 28,613,880 - 100,353; 53,152,950 - 2,562.
    """
    backbone = build_backbone(name, "random", (64, 64))

    stem = next(x for x in backbone.network.layers if x.name.startswith("stem_conv"))
    pixels = keras.Model(backbone.network.input, stem.input)(images[:2, :64, :64])
    assert backbone.network.count_params() == parameters
    assert backbone.network.output_shape == (None, 2, 2, channels)
    wanted = scale(np.float32(images[:2, :64, :64]))
    np.testing.assert_allclose(pixels[:, :64, :64], wanted, rtol=1e-5, atol=1e-5)


def test_rectangles():
    """A size need not be square."""
    backbone = build_backbone("mobilenet-v2-0.35", "random", (64, 96))

    assert backbone.size == (64, 96)
    assert backbone.network.output_shape == (None, 2, 3, 1280)
