"""Names and folders become photos with labels in three splits.

Owns where photos lie and how they are split; opens no picture.
"""

from __future__ import annotations

import hashlib
import itertools
import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path

from training.errors import UnfitData
from training.folders import is_train_alone, list_class_folders, split_folders
from training.idx_files import DIGITS, FASHION_LABELS, is_idx_folder, list_pictures
from training.photo_weights import find_weights
from training.sources import (
    FASHION_MNIST,
    SOLAR_CELLS,
    SOLAR_CELLS_WEIGHTED,
    ListedPhoto,
    find_source,
    read_solar_cells,
)
from training.strata import take_share

VALIDATION_FRACTION = 0.15
TEST_FRACTION = 0.15
_PARTS = ("train", "validation", "test")
_IDX_VALIDATION_SHARE = 12  # the first twelfth: 5,000 of 60,000


@dataclass(frozen=True)
class Photo:
    """One picture file, its label, and the SHA-256 of its bytes (hex).

    weight and kind are those of ListedPhoto.
    """

    path: Path
    label: str
    digest: str
    weight: float = 1.0
    kind: str = ""


@dataclass(frozen=True, kw_only=True)
class Split:
    """The photos of one data set; labels are in score order.

    left_out says in sentences which files and folders beside them were not taken.
    """

    name: str
    labels: tuple[str, ...]
    train: tuple[Photo, ...]
    validation: tuple[Photo, ...]
    test: tuple[Photo, ...]
    is_given: bool
    left_out: tuple[str, ...] = ()

    @property
    def photos(self) -> tuple[Photo, ...]:
        """All photos: train, then validation, then test."""
        return self.train + self.validation + self.test

    @property
    def fingerprint(self) -> str:
        """16 hex digits that change with any picture, label, weight or split."""
        lines = [
            f"{part} {photo.label} {photo.digest}{_tell_weight(photo)}\n"
            for part in _PARTS
            for photo in getattr(self, part)
        ]
        return hashlib.sha256("".join(sorted(lines)).encode()).hexdigest()[:16]


def load_split(
    data: str,
    datasets_dir: Path,
    test_fraction: float = TEST_FRACTION,
    validation_fraction: float = VALIDATION_FRACTION,
) -> Split:
    """Find the photos of a folder or named data set and split them.

    A folder with train/ and test/ or validation/ is taken as it is split, and a part
    it lacks is cut from train. So are IDX files (idx_files.py): their train file's
    first twelfth is the validation part. Class folders, also those of a train/ that
    stands alone, are split within each class by the fractions (0-1), in the order of
    the content's SHA-256: the same photos always fall the same way, and equal files
    never into different parts. A file weights.csv in the folder weighs single photos
    (photo_weights.py).

    Raises:
        UnknownData: Neither a folder nor a known name, or the name's source failed.
        UnfitData: The folder holds no class folders with pictures, a file that the
            disk does not give, or weights that are none.
    """
    if not data or not os.path.isdir(data):
        folder, name = find_source(data, datasets_dir), data
    else:
        folder, name = Path(data), Path(data).resolve().name
    fractions = {"validation": validation_fraction, "test": test_fraction}
    is_weighted = name == SOLAR_CELLS_WEIGHTED
    if (is_weighted or name == SOLAR_CELLS) and (folder / "labels.csv").is_file():
        cells = read_solar_cells(folder, is_weighted)
        return _cut_split(name, _read_photos(cells), fractions)
    if is_idx_folder(folder):
        return _idx_split(name, folder)
    parts = split_folders(folder)
    if len(parts) > 1:
        return _weigh(_given_split(name, parts, fractions), folder)
    home = parts["train"] if is_train_alone(folder, parts) else folder
    listed = list_class_folders(home)
    split = _cut_split(name, _read_photos(listed.photos), fractions)
    return _weigh(replace(split, left_out=listed.left_out), folder)


def _tell_weight(photo: Photo) -> str:
    return "" if photo.weight == 1 else f" {photo.weight:.6g}"


def _weigh(split: Split, folder: Path) -> Split:
    """The split with the weights that the folder's own file gives."""
    weights = find_weights(folder, {photo.path for photo in split.photos})
    if not weights:
        return split
    parts = {
        part: tuple(
            replace(photo, weight=weights.get(photo.path, 1.0))
            for photo in getattr(split, part)
        )
        for part in _PARTS
    }
    return replace(split, **parts)


def _idx_split(name: str, folder: Path) -> Split:
    """The given split of IDX files; validation is the head of the train file.

    Labels stand in the order of their numbers in the files, not of their letters.
    """
    labels = FASHION_LABELS if name == FASHION_MNIST else DIGITS
    train, test = (
        [Photo(*entry) for entry in list_pictures(folder, part, labels)]
        for part in ("train", "test")
    )
    cut = len(train) // _IDX_VALIDATION_SHARE
    return Split(
        name=name,
        labels=labels,
        train=tuple(train[cut:]),
        validation=tuple(train[:cut]),
        test=tuple(test),
        is_given=True,
    )


def _read_photos(listing: list[ListedPhoto]) -> list[Photo]:
    def read(entry: ListedPhoto) -> Photo:
        try:
            digest = hashlib.sha256(entry.path.read_bytes()).hexdigest()
        except OSError as error:
            raise UnfitData(
                f"'{entry.path}' cannot be read: {error.strerror}"
            ) from error
        return Photo(entry.path, entry.label, digest, entry.weight, entry.kind)

    with ThreadPoolExecutor() as pool:
        return list(pool.map(read, listing))


def _given_split(
    name: str, folders: dict[str, Path], fractions: dict[str, float]
) -> Split:
    listed = {part: list_class_folders(path) for part, path in folders.items()}
    parts = {part: _read_photos(found.photos) for part, found in listed.items()}
    left_out = [
        f"{part}: {text}" for part, found in listed.items() for text in found.left_out
    ]
    for part in [part for part in fractions if part not in parts]:
        parts["train"], parts[part] = _cut(parts["train"], fractions[part])
    split = _build_split(name, parts, is_given=True)
    return replace(split, left_out=tuple(left_out))


def _cut_split(name: str, photos: list[Photo], fractions: dict[str, float]) -> Split:
    rest, test = _cut(photos, fractions["test"])
    train, validation = _cut(rest, fractions["validation"] / (1 - fractions["test"]))
    parts = {"train": train, "validation": validation, "test": test}
    return _build_split(name, parts, is_given=False)


def _build_split(name: str, parts: dict[str, list[Photo]], is_given: bool) -> Split:
    labels = {photo.label for photos in parts.values() for photo in photos}
    return Split(
        name=name,
        labels=tuple(sorted(labels)),
        train=tuple(parts["train"]),
        validation=tuple(parts["validation"]),
        test=tuple(parts["test"]),
        is_given=is_given,
    )


def _cut(photos: list[Photo], fraction: float) -> tuple[list[Photo], list[Photo]]:
    """(rest, part): the part is that fraction of each class, one photo at the least.

    Every kind within a class gives its share. Copies follow the first of them into the
    part, whatever their label.
    """
    ordered = sorted(photos, key=lambda photo: (photo.label, photo.digest, photo.path))
    chosen: set[str] = set()
    for _, group in itertools.groupby(ordered, key=lambda photo: photo.label):
        kinds: dict[str, list[str]] = {}
        for photo in group:
            kinds.setdefault(photo.kind, []).append(photo.digest)
        chosen.update(take_share(list(kinds.values()), fraction))
    part = [photo for photo in ordered if photo.digest in chosen]
    rest = [photo for photo in ordered if photo.digest not in chosen]
    return rest, part
