"""A photo to pixels as most servers of user code do it: decode all, then resize."""

from __future__ import annotations

import io

import numpy as np
from PIL import Image


def to_pixels(photo, side):
    """uint8, shape (side, side, 3), RGB."""
    with Image.open(io.BytesIO(photo)) as picture:
        rgb = picture.convert("RGB")
    return np.asarray(rgb.resize((side, side), Image.Resampling.BILINEAR))
