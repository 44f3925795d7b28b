"""Photos that are nearly the same picture: re-saved, re-exposed, mirrored, one burst.

Owns how two pictures are compared; what is said about a pair is for people to judge.
"""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from training.checks import LISTED_FILES, photo_name
from training.datasets import Photo
from training.near_rows import near_blocks
from training.pictures import DecodedSplit
from training.progress import ProgressBar

# Measured on 5,446 photos: all pairs of thumbnails above 0.9 with details above 0.6 are
# one scene but for 2; the closest strangers reach 0.87.
MIN_LIKENESS = 0.9
MIN_DETAIL_LIKENESS = 0.6
# Solar cells or shoes before white resemble each other by nature. There the bar rises
# with what is typical, to 0.996 on solar cells and 0.985 on Fashion-MNIST.
_TYPICAL_QUANTILE = 0.99
_SAMPLED_PHOTOS = 1000
_MIN_PHOTOS_FOR_TYPICAL = 100
_PARTS = ("train", "validation", "test")
_SIDE = 32
_MIN_CONTRAST = 4.0  # gray levels; a flat picture has nothing to compare
_BLOCK_CELLS = 16_000_000  # pairs compared at once, at most: 64 MB an array
_MAX_BLOCK_ROWS = 256
_Likenesses = tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float32]]


@dataclass(frozen=True, kw_only=True)
class Pair:
    """Two photos that look the same, and the parts of the split they stand in.

    likeness is the correlation of their gray thumbnails, up to 1; is_copy says that the
    files are equal byte for byte.
    """

    first: Photo
    second: Photo
    first_part: str
    second_part: str
    likeness: float
    is_mirrored: bool

    @property
    def is_across(self) -> bool:
        """Whether they stand in two parts: then the second is no fresh photo."""
        return self.first_part != self.second_part

    @property
    def is_copy(self) -> bool:
        """Whether both files hold the same bytes."""
        return self.first.digest == self.second.digest


@dataclass(frozen=True, kw_only=True)
class _Thumbnails:
    """Gray thumbnails as vectors of length 1 and mean 0; one row a photo.

    coarse is 16x16, whole 32x32, details 32x32 without what is larger than 4x4.
    """

    coarse: NDArray[np.float32]
    whole: NDArray[np.float32]
    details: NDArray[np.float32]

    @classmethod
    def of(cls, gray: NDArray[np.float32]) -> _Thumbnails:
        """Of float32 (n, 32, 32), 0-255."""
        blurred = _shrink(gray, 4).repeat(4, axis=1).repeat(4, axis=2)
        return cls(
            coarse=_unit(_shrink(gray, 2)),
            whole=_unit(gray),
            details=_unit(gray - blurred, min_contrast=0.0),
        )


def find_near_duplicates(decoded: DecodedSplit) -> tuple[Pair, ...]:
    """For every photo its closest look-alike in another part, and in its own.

    Pairs across parts come first, then the most alike; never more than two pairs a
    photo, so that a film cut into frames does not fill the memory.
    """
    photos = decoded.split.photos
    parts = [part for part in _PARTS for _ in getattr(decoded.split, part)]
    gray = np.concatenate([_gray(getattr(decoded, part).batch) for part in _PARTS])
    upright, mirrored = _Thumbnails.of(gray), _Thumbnails.of(gray[:, :, ::-1])
    threshold = _likeness_bar(upright.whole)
    candidates = _candidates(
        upright.coarse, mirrored.coarse, np.array(parts), threshold
    )
    pairs = []
    for first, second, is_mirrored in sorted(set(candidates)):
        other = mirrored if is_mirrored else upright
        likeness = float(upright.whole[first] @ other.whole[second])
        details = float(upright.details[first] @ other.details[second])
        if likeness >= threshold and details >= MIN_DETAIL_LIKENESS:
            pairs.append(
                Pair(
                    first=photos[first],
                    second=photos[second],
                    first_part=parts[first],
                    second_part=parts[second],
                    likeness=min(likeness, 1.0),
                    is_mirrored=is_mirrored,
                )
            )
    return tuple(sorted(pairs, key=lambda pair: (not pair.is_across, -pair.likeness)))


def tell_near_duplicates(pairs: tuple[Pair, ...]) -> tuple[str, ...]:
    """Up to three sentences; copies byte for byte are told by the checks already."""
    alike = [pair for pair in pairs if not pair.is_copy]
    across = [pair for pair in alike if pair.is_across]
    inside = [pair for pair in alike if not pair.is_across]
    torn = [pair for pair in alike if pair.first.label != pair.second.label]
    groups = (
        ("pairs that look the same in two parts, which flatters the figures", across),
        ("pairs that look the same in one part", inside),
        ("pairs that look the same under two different labels", torn),
    )
    return tuple(
        f"{text}: {len(group)}\n{_list(group)}" for text, group in groups if group
    )


def _list(pairs: list[Pair]) -> str:
    lines = [
        f"- {pair.first_part}: {photo_name(pair.first)} = "
        f"{pair.second_part}: {photo_name(pair.second)}"
        f"{' (mirrored)' if pair.is_mirrored else ''}"
        for pair in pairs[:LISTED_FILES]
    ]
    hidden = len(pairs) - LISTED_FILES
    return "\n".join(lines + ([f"- and {hidden} more"] if hidden > 0 else []))


def _gray(batch: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Thumbnails, float32 (n, 32, 32), 0-255, of uint8 (n, height, width, 3)."""

    def shrink(image: NDArray[np.uint8]) -> NDArray[np.uint8]:
        picture = Image.fromarray(image).convert("L")
        return np.asarray(picture.resize((_SIDE, _SIDE), Image.Resampling.BOX))

    thumbnails = np.empty((len(batch), _SIDE, _SIDE), np.float32)
    with ThreadPoolExecutor() as pool:
        for index, thumbnail in enumerate(pool.map(shrink, batch)):
            thumbnails[index] = thumbnail
    return thumbnails


def _shrink(gray: NDArray[np.float32], factor: int) -> NDArray[np.float32]:
    side = gray.shape[1] // factor
    return gray.reshape(-1, side, factor, side, factor).mean(axis=(2, 4))


def _unit(
    gray: NDArray[np.float32], min_contrast: float = _MIN_CONTRAST
) -> NDArray[np.float32]:
    """Rows of mean 0 and length 1, so that a product is a correlation; flat: all 0."""
    rows = gray.reshape(len(gray), -1)
    rows = rows - rows.mean(axis=1, keepdims=True)
    lengths = np.linalg.norm(rows, axis=1, keepdims=True)
    is_flat = lengths <= min_contrast * np.sqrt(rows.shape[1])
    return np.where(is_flat, 0, rows / np.where(is_flat, 1, lengths))


def _likeness_bar(whole: NDArray[np.float32]) -> float:
    """MIN_LIKENESS, or more where the whole set is of one kind."""
    if len(whole) < _MIN_PHOTOS_FOR_TYPICAL:
        return MIN_LIKENESS
    sample = whole[:: -(-len(whole) // _SAMPLED_PHOTOS)]
    likeness = (sample @ sample.T)[np.triu_indices(len(sample), 1)]
    typical = float(np.quantile(likeness, _TYPICAL_QUANTILE))
    return max(MIN_LIKENESS, 1 - 0.3 * max(0.0, 1 - typical) ** 1.5)


def _candidates(
    upright: NDArray[np.float32],
    mirrored: NDArray[np.float32],
    parts: NDArray[np.str_],
    threshold: float,
) -> Iterator[tuple[int, int, bool]]:
    """(first, second, is mirrored), coarsely alike; the same pair may come twice."""
    block_rows = max(1, min(_MAX_BLOCK_ROWS, _BLOCK_CELLS // len(upright)))
    blocks = near_blocks(upright, (upright, mirrored), threshold, block_rows)
    with ProgressBar(
        total=len(upright), desc="near-duplicates", unit="photo"
    ) as progress:
        for own, (plain, flipped) in blocks:
            found = [
                _alike(upright, own, (upright, plain), threshold),
                _alike(upright, own, (mirrored, flipped), threshold),
            ]
            for first, second, is_mirrored in _closest(found, parts):
                yield min(first, second), max(first, second), is_mirrored
            progress.update(len(own))


def _alike(
    rows: NDArray[np.float32],
    own: NDArray[np.int64],
    others: tuple[NDArray[np.float32], NDArray[np.int64]],
    threshold: float,
) -> _Likenesses:
    """(row, column, likeness) of all close pairs but those of a photo with itself."""
    likeness = rows[own] @ others[0][others[1]].T
    places = np.nonzero(likeness >= threshold)
    first, second = own[places[0]], others[1][places[1]]
    is_pair = first != second
    return first[is_pair], second[is_pair], likeness[places][is_pair]


def _closest(
    found: list[_Likenesses], parts: NDArray[np.str_]
) -> Iterator[tuple[int, int, bool]]:
    """For each photo the one most like it in its own part, and in another."""
    first, second, likeness = map(np.concatenate, zip(*found, strict=True))
    is_mirrored = np.arange(len(first)) >= len(found[0][0])
    is_across = parts[first] != parts[second]
    order = np.lexsort((is_mirrored, second, -likeness, is_across, first))
    known: set[tuple[int, bool]] = set()
    for index in order:
        key = int(first[index]), bool(is_across[index])
        if key not in known:
            known.add(key)
            yield key[0], int(second[index]), bool(is_mirrored[index])
