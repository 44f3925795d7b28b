"""Bytes to pixels: every cut, bomb and odd shape a client may send."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image, features

from gateway.errors import GatewayError, InvalidImage, UnsupportedImage
from gateway.image import FORMATS, decode_image, decode_images, draw_thumbnail
from tests.conftest import draw_picture
from tests.unit.gateway.drawing import draw_png_bomb, encode

SIZE = (32, 40)
OPTIONS = {"WEBP": {"lossless": True}}


@pytest.mark.filterwarnings("ignore::UserWarning:PIL")
@pytest.mark.parametrize("tenth", range(10))
@pytest.mark.parametrize("file_format", FORMATS)
def test_truncated(encode_picture, file_format, tenth):
    """A file cut at any tenth of its bytes is refused, with a reason."""
    mode = "P" if file_format == "GIF" else "RGB"
    data = encode_picture(mode, file_format)

    with pytest.raises((InvalidImage, UnsupportedImage), match="expected"):
        decode_image(data[: len(data) * tenth // 10], SIZE)


@pytest.mark.parametrize(
    "data, error",
    [
        (b"", InvalidImage),
        (b"this is a text, whatever its name says", UnsupportedImage),
        (b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n", UnsupportedImage),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", UnsupportedImage),
        (b"\xff\xd8\xff\xe0" + bytes(100), UnsupportedImage),
        (bytes(1000), UnsupportedImage),
    ],
    ids=["empty", "text", "pdf", "svg", "jpeg-start", "zeros"],
)
def test_not_a_picture(data, error):
    """Bytes that are no picture get the error that says so."""
    with pytest.raises(error):
        decode_image(data, SIZE)


@pytest.mark.skipif(not features.check("jpg_2000"), reason="Pillow without JPEG 2000")
def test_other_format():
    """A real picture of a format outside the list is refused by its format."""
    data = encode(draw_picture((20, 20)), "JPEG2000")

    with pytest.raises(UnsupportedImage, match="JPEG, PNG"):
        decode_image(data, SIZE)


def test_pixel_bomb():
    """A hundred megapixels in a hundred kilobytes are refused by the header."""
    data = draw_png_bomb(10_000, 10_000)

    with pytest.raises(InvalidImage, match="at most 50000000 pixels"):
        decode_image(data, SIZE)

    assert len(data) < 200_000


def test_huge_bomb():
    """A header beyond Pillow's own limit is refused the same way."""
    data = draw_png_bomb(60_000, 60_000, rows=1)

    with pytest.raises(InvalidImage, match="many more"):
        decode_image(data, SIZE)


def test_pixel_limit():
    """The limit is height times width, and the limit itself is allowed."""
    data = encode(draw_picture((40, 32)), "PNG")

    assert decode_image(data, SIZE, max_pixels=1280).shape == (32, 40, 3)
    with pytest.raises(InvalidImage, match="at most 1279 pixels, received 40 x 32"):
        decode_image(data, SIZE, max_pixels=1279)


@pytest.mark.parametrize("file_format", ["GIF", "PNG", "WEBP"])
def test_animation(file_format):
    """An animation is judged by its first frame."""
    red = Image.new("RGB", (20, 20), (255, 0, 0))
    blue = Image.new("RGB", (20, 20), (0, 0, 255))
    data = encode(
        red,
        file_format,
        save_all=True,
        append_images=[blue],
        **OPTIONS.get(file_format, {}),
    )

    image = decode_image(data, (4, 4))

    assert (image == (255, 0, 0)).all()


def test_multi_picture():
    """A phone's MPO file is judged by its first picture."""
    red = Image.new("RGB", (16, 16), (254, 0, 0))
    blue = Image.new("RGB", (16, 16), (0, 0, 254))
    data = encode(red, "MPO", save_all=True, append_images=[blue])

    image = decode_image(data, (16, 16))

    # JPEG keeps a flat color within one level.
    assert abs(image[0, 0].astype(int) - (254, 0, 0)).max() <= 1


def test_one_pixel():
    """One pixel fills the whole image."""
    data = encode(Image.new("RGB", (1, 1), (1, 2, 3)), "PNG")

    image = decode_image(data, SIZE)

    assert (image == (1, 2, 3)).all()


def test_extreme_shape():
    """A picture of one row is squeezed like any other."""
    data = encode(Image.new("RGB", (5000, 1), (1, 2, 3)), "PNG")

    image = decode_image(data, SIZE)

    assert (image == (1, 2, 3)).all()


def test_draft_is_close():
    """A JPEG decoded at a reduced scale looks like the whole one, resized."""
    picture = draw_picture((640, 480))
    data = encode(picture, "JPEG", quality=95)

    image = decode_image(data, (60, 80))

    whole = picture.resize((80, 60), Image.Resampling.BILINEAR)
    # A smooth picture: two ways to average pixels may differ by a few levels.
    assert abs(image.astype(int) - np.asarray(whole)).max() <= 4


def test_batch():
    """Several files become one batch in their order."""
    red = encode(Image.new("RGB", (4, 4), (255, 0, 0)), "PNG")
    blue = encode(Image.new("RGB", (9, 2), (0, 0, 255)), "GIF")

    batch = decode_images([red, blue], (3, 5))

    assert batch.shape == (2, 3, 5, 3)
    assert (batch[0] == (255, 0, 0)).all() and (batch[1] == (0, 0, 255)).all()


def test_thumbnail():
    """People see the photo upright and in its own proportions."""
    exif = Image.Exif()
    exif[0x0112] = 6
    data = encode(draw_picture((800, 600)), "JPEG", exif=exif)

    thumbnail = Image.open(io.BytesIO(draw_thumbnail(data, 320)))

    assert thumbnail.size == (240, 320)
    with pytest.raises(GatewayError):
        draw_thumbnail(b"text", 320)
