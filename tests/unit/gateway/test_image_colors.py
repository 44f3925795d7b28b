"""Pixels: color modes, turns and transparency, compared with pictures made by hand."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

from gateway.errors import UnsupportedImage
from gateway.image import decode_image
from tests.conftest import draw_picture
from tests.unit.gateway.drawing import encode

SIZE = (32, 40)
# How each EXIF orientation is undone, by hand: Pillow's transposition of the stored
# picture that shows it upright. Source: EXIF 2.32, tag 0x0112.
UPRIGHT = {
    1: None,
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
OPTIONS = {"WEBP": {"lossless": True}, "JPEG": {"quality": 95}}


@pytest.mark.parametrize(
    "mode, file_format",
    [
        ("RGB", "JPEG"),
        ("L", "JPEG"),
        ("CMYK", "JPEG"),
        ("RGB", "PNG"),
        ("RGBA", "PNG"),
        ("LA", "PNG"),
        ("L", "PNG"),
        ("P", "PNG"),
        ("1", "PNG"),
        ("RGB", "WEBP"),
        ("RGBA", "WEBP"),
        ("P", "GIF"),
        ("RGB", "BMP"),
        ("L", "BMP"),
        ("RGB", "TIFF"),
        ("CMYK", "TIFF"),
        ("LAB", "TIFF"),
    ],
)
def test_color_modes(encode_picture, mode, file_format):
    """Every color mode a client may upload becomes three RGB channels."""
    if mode == "LAB":
        data = encode(Image.new("LAB", (80, 60), (120, 10, 10)), file_format)
    else:
        data = encode_picture(mode, file_format)

    image = decode_image(data, SIZE)

    assert image.shape == (32, 40, 3)
    assert image.dtype == np.uint8


@pytest.mark.parametrize("file_format", ["PNG", "BMP", "TIFF", "WEBP"])
def test_lossless_pixels(file_format):
    """A lossless file of the right size gives exactly the pixels that were drawn."""
    picture = draw_picture((40, 32))
    data = encode(picture, file_format, **OPTIONS.get(file_format, {}))

    image = decode_image(data, SIZE)

    np.testing.assert_array_equal(image, np.asarray(picture))


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("file_format", ["JPEG", "PNG", "WEBP", "TIFF"])
def test_exif_turns(file_format, orientation):
    """A turned photo gives the pixels of the same photo turned by hand."""
    stored = draw_picture((80, 60))
    exif = Image.Exif()
    exif[0x0112] = orientation
    options = OPTIONS.get(file_format, {})
    data = encode(stored, file_format, exif=exif, **options)
    with Image.open(io.BytesIO(encode(stored, file_format, **options))) as opened:
        upright = opened.convert("RGB")
    if UPRIGHT[orientation] is not None:
        upright = upright.transpose(UPRIGHT[orientation])

    image = decode_image(data, (upright.height, upright.width))

    np.testing.assert_array_equal(image, np.asarray(upright))


def test_sixteen_bits():
    """A 16-bit gray picture keeps its high byte, not a clipped low one."""
    gray = np.array([[0, 0x1234], [0x80FF, 0xFFFF]], np.uint16)
    data = encode(Image.fromarray(gray), "PNG")

    image = decode_image(data, (2, 2))

    np.testing.assert_array_equal(image[..., 0], [[0, 0x12], [0x80, 0xFF]])


def test_float_pixels():
    """Float pixels have no scale that we could know, so they are refused."""
    data = encode(Image.new("F", (8, 8), 0.5), "TIFF")

    with pytest.raises(UnsupportedImage, match="mode F"):
        decode_image(data, SIZE)


def test_transparency():
    """Transparent pixels show white, half transparent ones a mixture."""
    picture = Image.new("RGBA", (3, 1))
    picture.putdata([(0, 0, 0, 0), (0, 0, 0, 255), (0, 0, 0, 127)])

    image = decode_image(encode(picture, "PNG"), (1, 3))

    # 127/255 of black over white leaves 255 - 127 = 128.
    np.testing.assert_array_equal(image[0, :, 0], [255, 0, 128])


def test_tall_transparency():
    """A picture of many rows is laid over white in every one of them."""
    picture = Image.new("RGBA", (1, 600))
    picture.putdata([(0, 0, 0, row % 256) for row in range(600)])

    image = decode_image(encode(picture, "PNG"), (600, 1))

    np.testing.assert_array_equal(image[:, 0, 0], 255 - np.arange(600) % 256)


def test_palette_transparency():
    """A palette entry marked transparent shows white, not its hidden color."""
    picture = Image.new("P", (2, 1))
    picture.putpalette([10, 20, 30, 40, 50, 60])
    picture.putdata([0, 1])
    data = encode(picture, "PNG", transparency=0)

    image = decode_image(data, (1, 2))

    np.testing.assert_array_equal(image[0], [[255, 255, 255], [40, 50, 60]])
