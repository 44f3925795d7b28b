"""A backbone so small that training on it takes a second, and pictures it can tell."""

from __future__ import annotations

import hashlib

import keras
import numpy as np

from training.backbones import Backbone
from training.pictures import Pixels

SIZE = (32, 32)


def build_tiny_backbone(seed=0):
    """Three convolutions with batch norms, stride 8, 24 channels, random weights."""
    keras.utils.set_random_seed(seed)
    images = keras.Input((*SIZE, 3), dtype="uint8")
    tensor = keras.layers.Rescaling(1 / 127.5, offset=-1.0)(images)
    for filters in (8, 16, 24):
        tensor = keras.layers.Conv2D(filters, 3, 2, "same", use_bias=False)(tensor)
        tensor = keras.layers.BatchNormalization()(tensor)
        tensor = keras.layers.ReLU()(tensor)
    network = keras.Model(images, tensor)
    return Backbone(name="tiny", size=SIZE, network=network)


def draw_pixels(count, seed, classes=2):
    """Noise with a stripe: its direction, and no color, tells the class."""
    chance = np.random.default_rng(seed)
    batch = chance.integers(60, 190, (count, *SIZE, 3)).astype(np.uint8)
    targets = np.arange(count) % classes
    for image, target in zip(batch, targets):
        place = chance.integers(4, 26)
        stripe = (slice(place, place + 3), slice(None))
        image[stripe if target == 0 else stripe[::-1]] = 255
    return Pixels(
        batch=batch, targets=targets.astype(np.int64), digests=name_pictures(batch)
    )


def name_pictures(batch):
    """The digest of each picture's own bytes; there are no files."""
    return tuple(hashlib.sha256(image.tobytes()).hexdigest() for image in batch)
