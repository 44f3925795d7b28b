"""The single definition of how a picture file becomes an array; training imports it.

Owns decoding, not where the bytes come from.
"""

from __future__ import annotations

import io
import struct
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from PIL import (
    BmpImagePlugin,
    GifImagePlugin,
    Image,
    ImageOps,
    JpegImagePlugin,
    MpoImagePlugin,
    PngImagePlugin,
    TiffImagePlugin,
    UnidentifiedImageError,
    WebPImagePlugin,
)

from gateway.errors import InvalidImage, UnsupportedImage

# Named, so that all are there before the first request: Pillow loads some of them on
# demand, and not safely from several threads.
_PLUGINS = (
    JpegImagePlugin.JpegImageFile,
    PngImagePlugin.PngImageFile,
    WebPImagePlugin.WebPImageFile,
    GifImagePlugin.GifImageFile,
    BmpImagePlugin.BmpImageFile,
    TiffImagePlugin.TiffImageFile,
    MpoImagePlugin.MpoImageFile,
)
# MPO opens as the JPEG that its first picture is.
FORMATS = tuple(plugin.format for plugin in _PLUGINS if plugin.format != "MPO")
MAX_IMAGE_PIXELS = 50_000_000
RESIZE_RULE = "squash-bilinear"

# Pillow reads broken files with whatever its plug-ins raise; DecompressionBombError is
# neither an OSError nor a ValueError, and struct.error comes from short TIFF headers.
_BROKEN_FILE = (
    OSError,
    ValueError,
    SyntaxError,
    TypeError,
    LookupError,
    EOFError,
    OverflowError,
    struct.error,
    Image.DecompressionBombError,
    Image.DecompressionBombWarning,
)
_BAND_ROWS = 256
_EXIF_ORIENTATION = 0x0112
_TURNED_SIDEWAYS = frozenset({5, 6, 7, 8})


def decode_image(
    data: bytes, size: tuple[int, int], max_pixels: int = MAX_IMAGE_PIXELS
) -> NDArray[np.uint8]:
    """Turn one uploaded file into the image the model was trained on.

    The EXIF turn is applied, transparency is laid over white, animations give their
    first frame, and the whole picture is squeezed to the size with Pillow's
    antialiased bilinear filter (RESIZE_RULE). A JPEG is decoded at the smallest of
    1/1, 1/2, 1/4, 1/8 that still covers the size.

    Args:
        data: Encoded JPEG, PNG, WebP, GIF, BMP or TIFF file.
        size: Target (height, width) in pixels.
        max_pixels: Largest height x width that is decoded.

    Returns:
        uint8, shape (height, width, 3), RGB, 0-255.

    Raises:
        UnsupportedImage: The bytes are no picture, or one of another format.
        InvalidImage: The picture is truncated, damaged or has too many pixels.
    """
    height, width = size
    upright = _open_upright(data, size, max_pixels)
    resized = upright.resize((width, height), Image.Resampling.BILINEAR)
    return np.asarray(resized)


def decode_images(
    pictures: Sequence[bytes], size: tuple[int, int], max_pixels: int = MAX_IMAGE_PIXELS
) -> NDArray[np.uint8]:
    """The batch of some uploaded files: uint8, shape (n, height, width, 3), RGB.

    Raises:
        GatewayError: As decode_image, for the first picture that cannot be read.
    """
    return np.stack([decode_image(data, size, max_pixels) for data in pictures])


def draw_thumbnail(
    data: bytes, longest_side: int, max_pixels: int = MAX_IMAGE_PIXELS
) -> bytes:
    """A small upright JPEG of an uploaded file, in its own proportions, for people.

    Raises:
        GatewayError: As decode_image.
    """
    upright = _open_upright(data, (longest_side, longest_side), max_pixels)
    upright.thumbnail((longest_side, longest_side))
    file = io.BytesIO()
    upright.save(file, "JPEG", quality=85)
    return file.getvalue()


def _open_upright(data: bytes, size: tuple[int, int], max_pixels: int) -> Image.Image:
    """The whole picture as RGB, its EXIF turn applied, not yet resized."""
    picture = _open_picture(data)
    _check_pixels(picture.size, max_pixels)
    height, width = size
    try:
        is_sideways = picture.getexif().get(_EXIF_ORIENTATION) in _TURNED_SIDEWAYS
        picture.draft("RGB", (height, width) if is_sideways else (width, height))
        picture.load()
        ImageOps.exif_transpose(picture, in_place=True)
        return _to_rgb(picture)
    except _BROKEN_FILE as error:
        raise InvalidImage(
            f"expected a complete {picture.format} file, received {len(data)} bytes "
            "that are damaged or cut short"
        ) from error


def _open_picture(data: bytes) -> Image.Image:
    """Read the header only; no pixel is decoded here."""
    if not data:
        raise InvalidImage("expected a picture, received 0 bytes")
    try:
        return Image.open(io.BytesIO(data), formats=FORMATS)
    except UnidentifiedImageError as error:
        raise UnsupportedImage(
            f"expected a file of {', '.join(FORMATS)}, received {len(data)} bytes "
            "of something else"
        ) from error
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise InvalidImage(
            f"expected at most {MAX_IMAGE_PIXELS} pixels, received many more"
        ) from error
    except _BROKEN_FILE as error:
        raise InvalidImage("expected a picture with a readable header") from error


def _check_pixels(picture_size: tuple[int, int], max_pixels: int) -> None:
    """Refuse a picture by its header, before memory is spent on it."""
    width, height = picture_size
    if width * height > max_pixels:
        raise InvalidImage(
            f"expected at most {max_pixels} pixels, received {width} x {height}"
        )


def _to_rgb(picture: Image.Image) -> Image.Image:
    """Any color mode to RGB; transparent pixels show white."""
    if picture.mode in ("I", "F"):
        raise UnsupportedImage(
            f"expected 8 or 16 bits a channel, received 32 (mode {picture.mode})"
        )
    if picture.mode.startswith("I;16"):
        # Pillow's own conversion clips at 255; the high byte is the 8-bit picture.
        high_byte = (np.asarray(picture) >> 8).astype(np.uint8)
        return Image.fromarray(high_byte).convert("RGB")
    if picture.has_transparency_data:
        return _over_white(picture)
    # convert copies even what it need not: 200 MB of a picture of 50 megapixels.
    return picture if picture.mode == "RGB" else picture.convert("RGB")


def _over_white(picture: Image.Image) -> Image.Image:
    """A transparent picture over white, in bands: whole, it takes six times itself."""
    width, height = picture.size
    opaque = Image.new("RGB", picture.size)
    for top in range(0, height, _BAND_ROWS):
        band = (0, top, width, min(top + _BAND_ROWS, height))
        layer = picture.crop(band).convert("RGBA")
        white = Image.new("RGBA", layer.size, "white")
        opaque.paste(Image.alpha_composite(white, layer).convert("RGB"), band)
    return opaque
