"""IDX files, the format of MNIST and Fashion-MNIST: many small gray pictures in one.

Owns the format and its four file names, not how pictures are split; decoding one of
them means what gateway.image makes of the same picture as a PNG file.
"""

from __future__ import annotations

import gzip
import hashlib
import io
import math
import os
import zlib
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from gateway.image import decode_image
from training.errors import UnfitData

# Source: IDX format, Y. LeCun, "The MNIST database": two zero bytes, the type (8 is
# unsigned byte), the number of dimensions, each as big-endian int32, then the values.
_UNSIGNED_BYTES = b"\0\0\x08"
_IMAGES = {
    "train": "train-images-idx3-ubyte.gz",
    "test": "t10k-images-idx3-ubyte.gz",
}
_LABELS = {
    "train": "train-labels-idx1-ubyte.gz",
    "test": "t10k-labels-idx1-ubyte.gz",
}
IDX_FILES = (*_IMAGES.values(), *_LABELS.values())
# In the order of their numbers. Source: README of zalandoresearch/fashion-mnist.
FASHION_LABELS = (
    "T-shirt/top",
    "Trouser",
    "Pullover",
    "Dress",
    "Coat",
    "Sandal",
    "Shirt",
    "Sneaker",
    "Bag",
    "Ankle boot",
)
DIGITS = tuple("0123456789")
_DAMAGE = (OSError, EOFError, zlib.error)


def is_idx_folder(folder: Path) -> bool:
    """Whether pictures lie here as IDX files."""
    return any(os.path.isfile(folder / name) for name in IDX_FILES)


def read_idx(path: Path, dimensions: int) -> NDArray[np.uint8]:
    """The array in one gzip-compressed IDX file of unsigned bytes.

    Raises:
        UnfitData: No such file, or it is damaged, cut short or of another kind.
    """
    try:
        data = gzip.decompress(path.read_bytes())
    except FileNotFoundError as error:
        raise UnfitData(
            f"expected {', '.join(IDX_FILES)} in '{path.parent}', found no {path.name}"
        ) from error
    except _DAMAGE as error:
        raise UnfitData(f"'{path}' is no complete gzip file: {error}") from error
    if data[:4] != _UNSIGNED_BYTES + bytes([dimensions]):
        raise UnfitData(
            f"expected unsigned bytes in {dimensions} dimensions in '{path}', found "
            f"the first bytes {data[:4].hex(' ')}"
        )
    start = 4 + 4 * dimensions
    sizes = [int.from_bytes(data[i : i + 4], "big") for i in range(4, start, 4)]
    if len(data) != start + math.prod(sizes):
        raise UnfitData(
            f"expected {start + math.prod(sizes)} bytes in '{path}' for "
            f"{' x '.join(map(str, sizes))} values, found {len(data)}"
        )
    return np.frombuffer(data, np.uint8, offset=start).reshape(sizes)


def list_pictures(
    folder: Path, part: str, labels: tuple[str, ...]
) -> list[tuple[Path, str, str]]:
    """Path, label and SHA-256 of the pixels (hex) of each picture, in file order.

    Args:
        folder: Where the four files lie.
        part: "train" or "test".
        labels: Names in the order of the numbers in the file of labels.

    Returns:
        Paths such as train-images-idx3-ubyte.gz#123: file and position from 0.

    Raises:
        UnfitData: As read_idx, or the two files do not belong together.
    """
    images = read_idx(folder / _IMAGES[part], 3)
    numbers = read_idx(folder / _LABELS[part], 1)
    if len(images) != len(numbers):
        raise UnfitData(
            f"expected one label for each picture, found {len(images)} pictures in "
            f"{_IMAGES[part]} and {len(numbers)} labels in {_LABELS[part]}"
        )
    if numbers.size and numbers.max() >= len(labels):
        raise UnfitData(
            f"expected labels 0 to {len(labels) - 1} in {_LABELS[part]}, found "
            f"{numbers.max()}"
        )
    return [
        (
            folder / f"{_IMAGES[part]}#{position}",
            labels[number],
            hashlib.sha256(image).hexdigest(),
        )
        for position, (image, number) in enumerate(zip(images, numbers))
    ]


def is_idx_picture(path: Path) -> bool:
    """Whether this is a path that list_pictures gave."""
    return path.name.partition("#")[0] in _IMAGES.values()


def decode_pictures(
    paths: list[Path], size: tuple[int, int]
) -> Iterator[NDArray[np.uint8]]:
    """Each picture as uint8 (height, width, 3), RGB: its PNG file, as uploads are read.

    Args:
        paths: As list_pictures gave them.
        size: Target (height, width) in pixels.
    """
    files: dict[str, NDArray[np.uint8]] = {}
    for path in paths:
        name, _, position = path.name.partition("#")
        if name not in files:
            files[name] = read_idx(path.with_name(name), 3)
        image = files[name][int(position)]
        if image.shape == size:
            # No resize: decoding would only give the gray three times (tested).
            yield np.repeat(image[:, :, None], 3, axis=2)
        else:
            yield decode_image(encode_png(image), size)


def encode_png(image: NDArray[np.uint8]) -> bytes:
    """A gray picture, uint8 (height, width), as the bytes of a PNG file."""
    file = io.BytesIO()
    Image.fromarray(image).save(file, "PNG")
    return file.getvalue()
