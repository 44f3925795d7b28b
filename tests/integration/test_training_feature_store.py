"""Features are computed once for each content and pass, and survive what may happen."""

import numpy as np
import pytest

from tests.integration.transfer_backbone import build_tiny_backbone, draw_pixels
from training.config import Augmentation
from training.feature_store import Changes, FeatureStore, name_features
from training.features import freeze_rows

CHANGES = Changes(Augmentation(), 0)


class Means:
    """The mean of each channel, and how many pictures it was asked about."""

    def __init__(self):
        self.count = 0

    def __call__(self, batch):
        self.count += len(batch)
        return batch.mean(axis=(1, 2), dtype=np.float32)


@pytest.fixture(name="pixels", scope="module")
def _pixels():
    return draw_pixels(40, seed=1)


def test_second_run_computes_nothing(pixels, tmp_path):
    """Another store on the same folder reads what the first one wrote."""
    first = FeatureStore(Means(), tmp_path, CHANGES).rows(pixels, "", 1)
    means = Means()

    second = FeatureStore(means, tmp_path, CHANGES).rows(pixels, "", 1)

    assert means.count == 0
    assert np.array_equal(first, second)
    np.testing.assert_allclose(first, pixels.batch.mean(axis=(1, 2)), atol=1e-3)


def test_only_new_content_is_computed(pixels, tmp_path):
    """Pictures are known by content: order, part and copies do not matter."""
    FeatureStore(Means(), tmp_path, CHANGES).rows(pixels.take(np.arange(30)), "")
    means = Means()

    mixed = pixels.take(np.array([39, 3, 38, 3, 39]))
    rows = FeatureStore(means, tmp_path, CHANGES).rows(mixed, "")

    assert means.count == 2
    np.testing.assert_allclose(rows, mixed.batch.mean(axis=(1, 2)), atol=1e-3)


@pytest.mark.parametrize("damage", [b"", b"PK\x03\x04 cut short", None])
def test_damaged_file(pixels, tmp_path, damage):
    """A file that cannot be read counts as missing, and is made again."""
    FeatureStore(Means(), tmp_path, CHANGES).rows(pixels, "")
    (shard,) = tmp_path.rglob("*.npz")
    shard.write_bytes(shard.read_bytes()[:300] if damage is None else damage)
    means = Means()

    rows = FeatureStore(means, tmp_path, CHANGES).rows(pixels, "")

    assert means.count == 40
    np.testing.assert_allclose(rows, pixels.batch.mean(axis=(1, 2)), atol=1e-3)


def test_interrupted(tmp_path):
    """Ctrl-C leaves whole files only, and what they hold is not computed again."""
    pixels = draw_pixels(600, seed=2)
    means = Means()

    def interrupt_later(batch):
        if means.count > 520:
            raise KeyboardInterrupt
        return means(batch)

    with pytest.raises(KeyboardInterrupt):
        FeatureStore(interrupt_later, tmp_path, CHANGES).rows(pixels, "")
    again = Means()
    FeatureStore(again, tmp_path, CHANGES).rows(pixels, "")

    assert again.count == 600 - 512
    assert {path.suffix for path in tmp_path.rglob("*.*")} == {".npz"}


def test_passes_do_not_mix():
    """Another pass, other knobs or another seed are other features."""
    kinds = [
        (CHANGES, 0),
        (CHANGES, 1),
        (CHANGES, 2),
        (Changes(Augmentation(rotate=3), 0), 2),
        (Changes(Augmentation(), 1), 2),
    ]

    keys = {changes.key(number) for changes, number in kinds}
    same = {changes.key(1) for changes, _ in kinds}

    assert len(keys) == len(kinds)
    assert len(same) == 1


def test_name_of_features():
    """Another weight or another scaling is another name; another object is not."""
    first, again, other = (build_tiny_backbone(seed).network for seed in (1, 1, 2))
    scaled = build_tiny_backbone(1).network
    scaled.layers[1].scale = 1 / 255

    names = [
        name_features(network, freeze_rows(network, is_pooled=True))
        for network in (first, again, other, scaled)
    ]

    assert names[0] == names[1]
    assert len(set(names)) == 3
