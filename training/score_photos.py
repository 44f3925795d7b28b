"""Files, folders and lists of both become the paths to score, in one order.

Owns which files are meant; opens no picture.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Iterator
from pathlib import Path

from training.errors import UnfitData
from training.folders import PICTURE_SUFFIXES

_HIDDEN = (".", "__MACOSX")


def list_photos(arguments: Iterable[str], list_file: Path | None) -> tuple[str, ...]:
    """The paths of all photos: those of the arguments, then those of the list.

    A folder stands for the pictures in it and below it, sorted. A path of the list
    that does not exist is kept: it gets a row that says so.

    Raises:
        UnfitData: An argument that does not exist, a list or folder that cannot be
            read, a folder without pictures, or nothing at all.
    """
    named = list(arguments)
    missing = [name for name in named if not os.path.exists(name)]
    if missing:
        raise UnfitData(f"no such file or folder: {', '.join(missing)}")
    listed = _read_list(list_file) if list_file else []
    photos = tuple(path for name in (*named, *listed) for path in _expand(name))
    if not photos:
        raise UnfitData("expected photos, folders or --list FILE; received none")
    return photos


def digest_photos(photos: Iterable[str]) -> str:
    """16 hex digits that change with any path, or with their order.

    Relative paths mean other files in another working folder, so it counts as well.
    """
    digest = hashlib.sha256()
    folder = None
    for path in photos:
        if folder is None and not os.path.isabs(path):
            folder = os.getcwd()
            digest.update(os.fsencode(folder) + b"\0")
        digest.update(os.fsencode(path) + b"\0")
    return digest.hexdigest()[:16]


def _read_list(list_file: Path) -> list[str]:
    """One path a line, as the file system spells it; empty lines do not count."""
    try:
        lines = list_file.read_bytes().split(b"\n")
    except OSError as error:
        raise UnfitData(
            f"the list '{list_file}' cannot be read: {error.strerror}"
        ) from error
    return [os.fsdecode(line.rstrip(b"\r")) for line in lines if line.strip()]


def _expand(name: str) -> Iterator[str]:
    if not os.path.isdir(name):
        yield name
        return
    count = 0
    for count, path in enumerate(_pictures_below(name), start=1):
        yield path
    if not count:
        raise UnfitData(
            f"no pictures ({', '.join(sorted(PICTURE_SUFFIXES))}) in '{name}'"
        )


def _pictures_below(folder: str) -> Iterator[str]:
    for place, folders, files in os.walk(folder, onerror=_refuse):
        folders[:] = sorted(name for name in folders if not name.startswith(_HIDDEN))
        for name in sorted(files):
            is_picture = os.path.splitext(name)[1].lower() in PICTURE_SUFFIXES
            if is_picture and not name.startswith(_HIDDEN):
                yield os.path.join(place, name)


def _refuse(error: OSError) -> None:
    """A folder that is passed over in silence would be photos without a row."""
    raise UnfitData(f"'{error.filename}' cannot be read: {error.strerror}") from error
