"""Which version folder is meant, and what it holds; TensorFlow is not needed for that.

Owns names and bytes of version folders, not what the model in them does.
"""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

from training.errors import UnfitModel

_GRAPH_FILE = "saved_model.pb"


def find_version(model: Path) -> Path:
    """The version folder meant: the path itself, or the highest version in it.

    Raises:
        UnfitModel: No saved_model.pb there, or the folder's name is no version.
    """
    if os.path.isfile(model / _GRAPH_FILE):
        name = model.resolve().name
        if not name.isdecimal():
            raise UnfitModel(
                f"expected a version number as the folder's name, received '{name}'"
            )
        return model.resolve()
    versions = [path.parent for path in model.glob(f"*/{_GRAPH_FILE}")]
    numbered = [folder for folder in versions if folder.name.isdecimal()]
    if not numbered:
        raise UnfitModel(
            f"expected models/NAME or models/NAME/VERSION with a {_GRAPH_FILE}, found "
            f"none in '{model}'"
        )
    return max(numbered, key=lambda folder: int(folder.name)).resolve()


def digest_version(folder: Path) -> str:
    """16 hex digits that change with the graph, its variables or its assets.

    Raises:
        UnfitModel: A file of it cannot be read.
    """
    digest = hashlib.sha256()
    try:
        for path in sorted(folder.rglob("*")):
            place = path.relative_to(folder)
            if path.is_file() and place.parts[0] != "assets.extra":
                digest.update(place.as_posix().encode() + b"\0")
                with path.open("rb") as file:
                    digest.update(hashlib.file_digest(file, "sha256").digest())
    except OSError as error:
        raise UnfitModel(f"'{folder}' cannot be read: {error.strerror}") from error
    return digest.hexdigest()[:16]
