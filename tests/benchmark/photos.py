"""Real photos in the size that the gateway's cost is told for."""

from __future__ import annotations

import io

from PIL import Image

SIZE = (512, 384)
QUALITY = 88


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


def _encode(photo):
    file = io.BytesIO()
    photo.save(file, "JPEG", quality=QUALITY)
    return file.getvalue()
