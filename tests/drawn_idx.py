"""IDX files as Fashion-MNIST comes in, with drawn pictures in them."""

from __future__ import annotations

import gzip
import struct

import numpy as np

SIDE = 28


def encode_idx(values):
    """A gzip-compressed IDX file of unsigned bytes, written as its format says."""
    header = struct.pack(f">BBBB{values.ndim}I", 0, 0, 8, values.ndim, *values.shape)
    return gzip.compress(header + values.astype(np.uint8).tobytes(), mtime=0)


def draw_pictures(count, seed):
    """(images, numbers): class k, the position modulo 10, has a bar in row 2 k + 4."""
    numbers = np.arange(count) % 10
    images = np.random.default_rng(seed).integers(0, 90, (count, SIDE, SIDE), np.uint8)
    for image, number in zip(images, numbers):
        image[2 * number + 4 : 2 * number + 6] = 250
    return images, numbers


def write_idx_files(folder, train=120, test=50):
    """The four files below folder, which is made; returns it."""
    folder.mkdir(parents=True)
    for name, count, seed in (("train", train, 1), ("t10k", test, 2)):
        images, numbers = draw_pictures(count, seed)
        (folder / f"{name}-images-idx3-ubyte.gz").write_bytes(encode_idx(images))
        (folder / f"{name}-labels-idx1-ubyte.gz").write_bytes(encode_idx(numbers))
    return folder
