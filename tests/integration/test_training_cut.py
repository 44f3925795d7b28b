"""Where a network is cut for fine-tuning, and how its maps are dealt out."""

import keras
import numpy as np
import pytest

from tests.integration.transfer_backbone import build_tiny_backbone, draw_pixels
from training.cut import cut_network, find_bottlenecks
from training.errors import UnfitKnobs
from training.fine_tune import MapSamples, PassBatches


def test_bottlenecks():
    """A layer inside a branch is no bottleneck; where branches meet there is one."""
    images = keras.Input((16, 16, 3), name="images")
    stem = keras.layers.Conv2D(4, 3, padding="same", name="stem")(images)
    branch = keras.layers.Conv2D(4, 3, padding="same", name="branch")(stem)
    met = keras.layers.Add(name="met")([stem, branch])
    network = keras.Model(images, keras.layers.Conv2D(8, 3, name="last")(met))

    assert find_bottlenecks(network) == ["images", "stem", "met", "last"]


def test_cut_is_exact():
    """The frozen part and the top, one after the other, are the network."""
    network = build_tiny_backbone().network
    pixels = draw_pixels(4, seed=5)

    bottom, top = cut_network(network, 0.45)

    expected = network(pixels.batch, training=False)
    assert bottom.count_params() > 0
    assert np.array_equal(top(bottom(pixels.batch), training=False), expected)


def test_lower_cut():
    """A larger share of the weights above means a cut further down."""
    network = build_tiny_backbone().network
    total = network.count_params()

    tops = [cut_network(network, share)[1] for share in (0.3, 0.9, 1.0)]

    counts = [top.count_params() for top in tops]
    assert counts == sorted(counts) and counts[0] < counts[-1] == total
    assert all(count >= share * total for count, share in zip(counts, (0.3, 0.9, 1.0)))


def test_no_cut():
    """Where the pictures go straight into the first weights, no map lies below all."""
    images = keras.Input((8, 8, 3), dtype="uint8", name="images")
    scaled = keras.layers.Rescaling(1 / 255, name="scaled")(images)
    network = keras.Model(images, keras.layers.Conv2D(4, 3)(scaled))

    bottom, top = cut_network(network, 1.0)

    assert bottom.layers[-1] is network.get_layer("scaled")
    assert top.count_params() == network.count_params()
    with pytest.raises(UnfitKnobs, match="1.5"):
        cut_network(network, 1.5)


def test_mixup():
    """Each picture is mixed with another of its batch, its target as its map is."""
    chance = np.random.default_rng(0)
    targets = np.eye(2, dtype=np.float32)[chance.integers(0, 2, 12)]
    # A map holds its own target, so that the two can be compared.
    maps = np.repeat(targets[:, None, None], 3, axis=1).astype(np.float16)
    samples = MapSamples(passes=(maps,), targets=targets)

    plain = PassBatches(samples, 6, 0)[1]
    mixed = PassBatches(samples, 6, 0, mixup=1.0)[1]
    again = PassBatches(samples, 6, 0, mixup=1.0)[1]

    assert np.array_equal(plain[0][:, 0, 0], plain[1])
    assert np.allclose(mixed[0][:, 0, 0], mixed[1], atol=1e-6)
    assert np.allclose(mixed[1].sum(axis=1), 1)
    assert 0 < mixed[1].min(where=mixed[1] > 0, initial=1) < 1
    assert all(np.array_equal(one, other) for one, other in zip(mixed, again))
