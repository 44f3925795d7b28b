"""The overlay: right colors, right place, the photo's own shape."""

from __future__ import annotations

import io

import matplotlib
import numpy as np
import pytest
from PIL import Image

from gateway.heatmap import COLORS, draw_overlay
from tests.unit.gateway.drawing import encode


def overlay_pixels(photo, heatmap):
    """The overlay decoded: int, shape (height, width, 3)."""
    drawn = draw_overlay(photo, np.array(heatmap, np.float32))
    with Image.open(io.BytesIO(drawn)) as picture:
        assert (picture.format, picture.mode) == ("PNG", "RGB")
        return np.asarray(picture).astype(int)


def flat(level, size):
    """A gray PNG of one level; size is (width, height)."""
    return encode(Image.new("L", size, level), "PNG")


def test_colors():
    """The colors are matplotlib's inferno, within the 6 levels that the table says."""
    exact = 255 * np.array(matplotlib.colormaps["inferno"].colors)

    assert COLORS.shape == (256, 3)
    assert np.abs(COLORS - exact).max() < 6


def test_brightness():
    """Every color is brighter than those of smaller values: it reads in gray too."""
    # Source: ITU-R BT.709, relative luminance of linear RGB.
    luminance = (COLORS / 255) ** 2.2 @ (0.2126, 0.7152, 0.0722)

    assert (np.diff(luminance) > 0).all()


def test_cold_and_hot():
    """The photo keeps 3/4 of its light where the map is 0 and 3/10 where it is 1."""
    pixels = overlay_pixels(flat(200, (90, 30)), [[0, 1]])

    # Inferno starts at (0, 0, 4) and ends at (252, 255, 164).
    assert pixels[15, 2].tolist() == [150, 150, 151]
    assert pixels[15, -3].tolist() == [236, 238, 175]


@pytest.mark.parametrize("row, column", [(0, 0), (0, 2), (1, 1), (2, 0), (2, 2)])
def test_hot_spot(row, column):
    """The brightest place of the overlay lies where the map is hot."""
    heatmap = np.zeros((3, 3))
    heatmap[row, column] = 1

    light = overlay_pixels(flat(100, (120, 60)), heatmap).sum(axis=-1)

    y, x = divmod(int(light.argmax()), 120)
    assert (y // 20, x // 40) == (row, column)


@pytest.mark.parametrize("size", [(640, 200), (31, 640), (1, 1)])
@pytest.mark.parametrize("shape", [(7, 7), (1, 1), (3, 40)])
def test_size(size, shape):
    """The overlay has the photo's size, whatever the map's shape."""
    pixels = overlay_pixels(flat(9, size), np.full(shape, 0.5))

    assert pixels.shape == (size[1], size[0], 3)


def test_photo_shines_through():
    """What is bright in the photo is brighter in the overlay; its colors are gone."""
    photo = np.zeros((20, 40, 3), np.uint8)
    photo[:, 20:] = (255, 0, 0)

    pixels = overlay_pixels(encode(Image.fromarray(photo), "PNG"), [[0]])

    # Red is 76 of 255 bright (ITU-R BT.601), of which a cold place keeps 3/4.
    assert pixels[10, 10].tolist() == [0, 0, 1]
    assert pixels[10, 30].tolist() == [57, 57, 58]
