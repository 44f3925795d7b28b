"""What augmentation passes do to pictures, checked by geometry."""

import hashlib

import numpy as np
import pytest

from training.augment import augment
from training.config import Augmentation

STILL = Augmentation(flip=False, rotate=0, shift=0, zoom=0)
SIDE = 33


@pytest.fixture(name="batch", scope="module")
def _batch():
    """Smooth, so that interpolation costs little; nothing about them is symmetric."""
    rows, columns = np.mgrid[0:SIDE, 0:SIDE] / (SIDE - 1)
    channels = [200 * rows, 150 * columns, 90 * rows * columns + 30]
    first = np.stack(channels, axis=-1).astype(np.uint8)
    return np.stack([first, 255 - first])


@pytest.fixture(name="digests", scope="module")
def _digests():
    return tuple(hashlib.sha256(name).hexdigest() for name in (b"a", b"b"))


def test_first_passes(batch, digests):
    """Pass 0 is the picture, pass 1 its mirror image, to the last pixel."""
    knobs = Augmentation()

    assert np.array_equal(augment(batch, digests, 0, knobs, 0), batch)
    assert np.array_equal(augment(batch, digests, 1, knobs, 0), batch[:, :, ::-1])


def test_still(batch, digests):
    """Knobs at zero leave every pass as it was."""
    assert np.array_equal(augment(batch, digests, 5, STILL, 0), batch)


def test_depends_on_content_alone(batch, digests):
    """Neighbors and order change nothing; pass and seed do."""
    knobs = Augmentation(rotate=20)

    together = augment(batch, digests, 2, knobs, 0)
    alone = augment(batch[1:], digests[1:], 2, knobs, 0)

    assert np.array_equal(together[1:], alone)
    assert not np.array_equal(together, augment(batch, digests, 3, knobs, 0))
    assert not np.array_equal(together, augment(batch, digests, 2, knobs, 1))


@pytest.mark.parametrize(
    "knobs", [Augmentation(flip=False, rotate=30, shift=0, zoom=0)]
)
def test_rotation_keeps_the_center(batch, digests, knobs):
    """Turned about the middle: the middle pixel stays, corners do not."""
    turned = augment(batch, digests, 2, knobs, 4)

    middle = SIDE // 2
    # One level: interpolation between integers is rounded.
    assert (
        np.abs(turned[:, middle, middle].astype(int) - batch[:, middle, middle]).max()
        <= 1
    )
    assert np.abs(turned[:, 0, 0].astype(int) - batch[:, 0, 0]).max() > 1


def test_shift_moves_within_bounds(digests):
    """A white column moves by at most its share of the width, and nothing else."""
    stripe = np.zeros((2, SIDE, SIDE, 3), np.uint8)
    stripe[:, :, SIDE // 2] = 255
    knobs = Augmentation(flip=False, rotate=0, shift=0.2, zoom=0)

    moved = [augment(stripe, digests, number, knobs, 0) for number in range(2, 8)]

    columns = np.stack(moved)[..., 0].mean(axis=2)
    centers = (columns * np.arange(SIDE)).sum(axis=-1) / columns.sum(axis=-1)
    offsets = centers - SIDE // 2
    assert np.abs(offsets).max() <= 0.2 * SIDE
    assert offsets.std() > 1


def test_turns(batch):
    """Without an up, all eight symmetries of a square are met, each to the pixel."""
    knobs = Augmentation(rotate=0, shift=0, zoom=0, turns=True)
    digests = [hashlib.sha256(bytes([n])).hexdigest() for n in range(64)]
    pictures = np.repeat(batch[:1], len(digests), axis=0)

    turned = augment(pictures, digests, 2, knobs, 0)

    expected = [np.rot90(batch[0], turns) for turns in range(4)]
    expected += [picture[:, ::-1] for picture in expected]
    met = {
        next(n for n, other in enumerate(expected) if np.array_equal(other, picture))
        for picture in turned
    }
    assert met == set(range(8))
