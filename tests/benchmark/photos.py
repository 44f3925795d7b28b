"""Photos in the size that the gateway's cost is told for: real ones, or drawn."""

from __future__ import annotations

import io

import numpy as np
from PIL import Image

SIZE = (512, 384)
QUALITY = 88
_GRAIN_LEVELS = 8


def find_photos(datasets_dir, count):
    """(so many JPEGs, what they are): real ones where the data set is, else drawn."""
    if (datasets_dir / "pizza-not-pizza").is_dir():
        return load_photos(datasets_dir, count), f"{count} photos of 512 x 384"
    return draw_photos(count), f"{count} drawn pictures of 512 x 384 with grain"


def load_photos(datasets_dir, count):
    """So many different JPEGs of 512 x 384, about 40 KB each.

    The photos had that size before they were scaled down to a shorter side of 256; the
    4:3 ones are scaled back and written with the quality they were written with.
    """
    photos = []
    for path in sorted((datasets_dir / "pizza-not-pizza").rglob("*.jpg")):
        with Image.open(path) as photo:
            if photo.size == (341, 256):
                photos.append(_encode(photo.resize(SIZE, Image.Resampling.LANCZOS)))
        if len(photos) == count:
            return photos
    raise ValueError(f"expected {count} photos of 341 x 256, received {len(photos)}")


def draw_photos(count, seed=11):
    """So many different 512 x 384 JPEGs with the grain of a photo, about 60 KB each."""
    noise, photos = np.random.default_rng(seed), []
    for _ in range(count):
        coarse = noise.integers(0, 256, (24, 32, 3), np.uint8)
        smooth = Image.fromarray(coarse).resize(SIZE, Image.Resampling.BICUBIC)
        grain = noise.normal(0, _GRAIN_LEVELS, (*SIZE[::-1], 3))
        pixels = np.clip(np.asarray(smooth) + grain, 0, 255).astype(np.uint8)
        photos.append(_encode(Image.fromarray(pixels)))
    return photos


def _encode(photo):
    file = io.BytesIO()
    photo.save(file, "JPEG", quality=QUALITY)
    return file.getvalue()
