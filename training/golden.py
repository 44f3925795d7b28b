"""A few test photos, taken the gateway's way from file to pixels once more."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from gateway.image import decode_images
from training.errors import ExportRefused
from training.pictures import DecodedSplit

GOLDEN_PICTURES = 16


def golden_pictures(decoded: DecodedSplit) -> NDArray[np.uint8]:
    """The first test pictures as the trainer saw them: uint8 (n, height, width, 3)."""
    return decoded.test.batch[:GOLDEN_PICTURES]


def compare_pixels(decoded: DecodedSplit) -> int | None:
    """The largest difference between the trainer's pixels and the gateway's, 0-255.

    None where pictures are no files of their own, as in a set of IDX arrays.

    Raises:
        ExportRefused: There is a difference: the model would be asked about other
            pixels than it learned from.
    """
    golden = golden_pictures(decoded)
    paths = [photo.path for photo in decoded.split.test[: len(golden)]]
    if not all(path.is_file() for path in paths):
        return None
    served = decode_images([path.read_bytes() for path in paths], golden.shape[1:3])
    difference = int(np.abs(served.astype(int) - golden).max())
    if difference:
        raise ExportRefused(
            f"expected the gateway's pixels to be the trainer's, found a difference "
            f"of {difference} levels: did a photo change during training?"
        )
    return difference
