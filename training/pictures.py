"""Photos become pixels: every file is decoded once, in parallel.

Owns the arrays of a run; how one file becomes one array is gateway.image's business.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from gateway.errors import GatewayError
from gateway.image import decode_image
from training.datasets import Photo, Split
from training.errors import UnfitData
from training.idx_files import decode_pictures, is_idx_picture
from training.progress import ProgressBar

_LISTED_FILES = 20
_TITLE = "decoding photos"


@dataclass(frozen=True, kw_only=True)
class Pixels:
    """One part of a split as arrays.

    batch is uint8, shape (n, height, width, 3), RGB 0-255; targets int64, shape (n,),
    an index into the split's labels; digests the SHA-256 of each picture's file.
    weights are float32, shape (n,), above 0; None where all pictures count alike.
    """

    batch: NDArray[np.uint8]
    targets: NDArray[np.int64]
    digests: tuple[str, ...]
    weights: NDArray[np.float32] | None = None

    def take(self, indices: NDArray[np.int64]) -> Pixels:
        """Some of the pictures, in the order of the indices."""
        return Pixels(
            batch=self.batch[indices],
            targets=self.targets[indices],
            digests=tuple(self.digests[index] for index in indices),
            weights=None if self.weights is None else self.weights[indices],
        )


def join_pixels(parts: Sequence[Pixels]) -> Pixels:
    """All pictures of some parts, in their order; all parts have weights or none."""
    weights = [part.weights for part in parts if part.weights is not None]
    return Pixels(
        batch=np.concatenate([part.batch for part in parts]),
        targets=np.concatenate([part.targets for part in parts]),
        digests=tuple(digest for part in parts for digest in part.digests),
        weights=np.concatenate(weights) if weights else None,
    )


@dataclass(frozen=True, kw_only=True)
class DecodedSplit:
    """A split and its pixels; split holds the photos that could be read."""

    split: Split
    train: Pixels
    validation: Pixels
    test: Pixels


def decode_split(
    split: Split, size: tuple[int, int], skips_unreadable: bool = False
) -> DecodedSplit:
    """Decode every photo to (height, width), with a progress bar on stderr.

    Raises:
        UnfitData: Files that are no readable pictures, all of them listed, unless
            they may be skipped; or more pixels than there is memory.
    """
    problems: dict[Photo, str] = {}
    count = len(split.photos)
    _check_memory(count, size)
    batch = np.empty((count, *size, 3), np.uint8)
    if any(is_idx_picture(photo.path) for photo in split.photos[:1]):
        images = decode_pictures([photo.path for photo in split.photos], size)
        for i, image in enumerate(ProgressBar(images, _TITLE, count, unit="photo")):
            batch[i] = image
        return _arrange(split, batch, problems)

    def decode(entry: tuple[int, Photo]) -> None:
        index, photo = entry
        try:
            batch[index] = decode_image(photo.path.read_bytes(), size)
        except GatewayError as error:
            problems[photo] = str(error)
        except OSError as error:
            problems[photo] = error.strerror

    # Pillow lets go of the interpreter while it decodes and resizes: threads do.
    with ThreadPoolExecutor() as pool:
        work = pool.map(decode, enumerate(split.photos))
        for _ in ProgressBar(work, _TITLE, count, unit="photo"):
            pass
    if problems and not skips_unreadable:
        raise UnfitData(_list_problems(problems))
    return _arrange(split, batch, problems)


def _check_memory(count: int, size: tuple[int, int]) -> None:
    """All pixels are held at once: too many, and the system would end the run."""
    total = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    needed = count * size[0] * size[1] * 3
    if needed > total:
        raise UnfitData(
            f"expected pictures that fit into {total / 1e9:.1f} GB of memory, received "
            f"{count} of {size[0]}x{size[1]} pixels, {needed / 1e9:.1f} GB: name a "
            "smaller --size"
        )


def _list_problems(problems: dict[Photo, str]) -> str:
    lines = [f"- {photo.path}: {text}" for photo, text in problems.items()]
    hidden = len(lines) - _LISTED_FILES
    if hidden > 0:
        lines = lines[:_LISTED_FILES] + [f"- and {hidden} more"]
    return (
        f"{len(problems)} files are no readable pictures; remove them, or train "
        "without them with --skip-unreadable:\n" + "\n".join(lines)
    )


def _arrange(
    split: Split, batch: NDArray[np.uint8], problems: dict[Photo, str]
) -> DecodedSplit:
    """Cut the one array into the parts, without the photos that could not be read."""
    pixels, photos, start = {}, {}, 0
    is_weighted = any(photo.weight != 1 for photo in split.photos)
    for part in ("train", "validation", "test"):
        listed = getattr(split, part)
        view = batch[start : start + len(listed)]
        start += len(listed)
        kept = [index for index, photo in enumerate(listed) if photo not in problems]
        photos[part] = tuple(listed[index] for index in kept)
        targets = [split.labels.index(photo.label) for photo in photos[part]]
        weights = np.array([photo.weight for photo in photos[part]], np.float32)
        pixels[part] = Pixels(
            batch=view if len(kept) == len(listed) else view[kept],
            targets=np.array(targets, np.int64),
            digests=tuple(photo.digest for photo in photos[part]),
            weights=weights if is_weighted else None,
        )
    return DecodedSplit(split=replace(split, **photos), **pixels)
