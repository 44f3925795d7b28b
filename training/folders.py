"""Which files below a folder are pictures, and of what.

Owns names of files and folders; opens none of them.
"""

from __future__ import annotations

import os
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from training.errors import UnfitData
from training.sources import ListedPhoto

PICTURE_SUFFIXES = frozenset(
    {".jpg", ".jpeg", ".png", ".webp", ".gif", ".bmp", ".tif", ".tiff"}
)
_SPLIT_FOLDERS = {
    "train": ("train", "training"),
    "validation": ("validation", "valid", "val"),
    "test": ("test",),
}
_PART_NAMES = frozenset(name for names in _SPLIT_FOLDERS.values() for name in names)
# What systems put beside pictures by themselves.
_LITTER = frozenset({"thumbs.db", "desktop.ini"})


@dataclass(frozen=True, kw_only=True)
class ClassFolders:
    """The photos in one folder per class; left_out says what was not taken."""

    photos: list[ListedPhoto]
    left_out: tuple[str, ...]


def split_folders(folder: Path) -> dict[str, Path]:
    """The parts of a given split, in any case; none where train/ is itself a class.

    Raises:
        UnfitData: The folder cannot be read.
    """
    folders = {path.name.lower(): path for path in _folders_in(folder)}
    parts = {
        part: folders[name]
        for part, names in _SPLIT_FOLDERS.items()
        for name in names
        if name in folders
    }
    return parts if "train" in parts and _folders_in(parts["train"]) else {}


def is_train_alone(folder: Path, parts: dict[str, Path]) -> bool:
    """Whether all pictures wait in train/ to be split."""
    return [*parts] == ["train"] and _folders_in(folder) == [parts["train"]]


def list_class_folders(folder: Path) -> ClassFolders:
    """The pictures in one folder per class, however deep; nothing hidden.

    Raises:
        UnfitData: The folder cannot be read, holds no such pictures, or all its classes
            have names of parts.
    """
    photos: list[ListedPhoto] = []
    others: Counter[str] = Counter()
    for path in _files_below(folder):
        names = path.relative_to(folder).parts
        if any(name.startswith((".", "__MACOSX")) for name in names):
            continue
        if path.suffix.lower() in PICTURE_SUFFIXES:
            photos.append(ListedPhoto(path, names[0]))
        elif path.name.lower() not in _LITTER:
            others[as_text(path.suffix.lower()) or "without suffix"] += 1
    if not photos:
        raise _no_pictures(folder)
    classes = {photo.label for photo in photos}
    if all(name.lower() in _PART_NAMES for name in classes):
        raise UnfitData(
            f"expected one folder per class, or such folders within train/ and test/; "
            f"found pictures right inside {', '.join(sorted(classes))} of '{folder}'"
        )
    names = [path.name for path in _folders_in(folder)]
    empty = [as_text(name) for name in names if name not in classes]
    return ClassFolders(photos=photos, left_out=_tell(others, empty))


def as_text(name: str) -> str:
    """The name of a file, which may be any bytes, with a sign for what is no text."""
    return os.fsencode(name).decode(errors="replace")


def _folders_in(folder: Path) -> list[Path]:
    """Not the hidden ones."""
    try:
        return sorted(
            path
            for path in folder.iterdir()
            if path.is_dir() and not path.name.startswith((".", "__MACOSX"))
        )
    except OSError as error:
        raise UnfitData(f"'{folder}' cannot be read: {error.strerror}") from error


def _files_below(folder: Path) -> list[Path]:
    """In its folders, however deep; pathlib would pass over what it may not read."""

    def refuse(error: OSError) -> None:
        raise error

    try:
        return sorted(
            path
            for top in _folders_in(folder)
            for place, _, names in os.walk(top, onerror=refuse)
            for path in (Path(place, name) for name in names)
            if path.is_file()
        )
    except OSError as error:
        raise UnfitData(
            f"'{error.filename}' cannot be read: {error.strerror}"
        ) from error


def _no_pictures(folder: Path) -> UnfitData:
    loose = sum(path.suffix.lower() in PICTURE_SUFFIXES for path in folder.iterdir())
    return UnfitData(
        "expected one folder per class with pictures inside, found "
        f"{f'{loose} pictures outside of any' if loose else 'none'} in '{folder}'"
    )


def _tell(others: Counter[str], empty: list[str]) -> tuple[str, ...]:
    sentences = []
    if others:
        kinds = ", ".join(f"{count} {kind}" for kind, count in others.most_common())
        sentences.append(
            f"left out, since by their names they are no pictures "
            f"({', '.join(sorted(PICTURE_SUFFIXES))}): {kinds}"
        )
    if empty:
        sentences.append(
            f"folders without a picture are no classes: {', '.join(empty)}"
        )
    return tuple(sentences)
