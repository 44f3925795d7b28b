"""A real training run on drawn photos: random weights, one epoch, seconds."""

from __future__ import annotations

import numpy as np
from PIL import Image

from training.config import HeadConfig, TrainingConfig
from training.run import run

LABELS = ("dark", "light")


def draw_photos(root, count=6):
    """One folder per label: count noisy pictures around a dark and a light gray."""
    noise = np.random.default_rng(7)
    for label, level in zip(LABELS, (60, 190)):
        (root / label).mkdir(parents=True)
        for number in range(count):
            pixels = noise.integers(level - 50, level + 50, (48, 64, 3), np.uint8)
            Image.fromarray(pixels).save(root / label / f"{number}.png")
    return root


def train_briefly(folder, output, **knobs):
    """One epoch over random weights; the whole way to a version folder."""
    config = TrainingConfig(
        data=str(folder),
        output=output,
        weights="random",
        head=HeadConfig(max_epochs=1),
        cache_dir=None,
        **knobs,
    )
    return run(config)
