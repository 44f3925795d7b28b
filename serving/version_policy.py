"""Which versions a base path holds, and which of them are wanted."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

_VERSION_NAME = re.compile(r"[+-]?[0-9]+")
_VERSIONS = range(-(2**63), 2**63)
# TensorFlow's name for what is a path without it.
_FILE_SCHEME = "file://"


@dataclass(frozen=True, kw_only=True)
class VersionPolicy:
    """Latest N versions (the default, N = 1), all of them, or the ones named."""

    latest: int | None = 1
    specific: frozenset[int] | None = None

    def select(self, present: Iterable[int]) -> frozenset[int]:
        """The versions that should be loaded, out of those that exist."""
        if self.specific is not None:
            return self.specific & frozenset(present)
        if self.latest is None:
            return frozenset(present)
        return frozenset(sorted(present)[-max(self.latest, 1) :])


def list_version_folders(base_path: str) -> dict[int, Path]:
    """The direct children of base_path whose whole name is an int64.

    Of two names for one number (1 and 001) the last in sorted order wins.

    Raises:
        OSError: base_path is missing, not readable or on no disk.
    """
    folders = {}
    parent = Path(base_path.removeprefix(_FILE_SCHEME))
    if not parent.is_absolute():
        raise OSError(f"expected a path or file://, received {base_path}")
    for name in sorted(os.listdir(parent)):
        if _VERSION_NAME.fullmatch(name) and int(name) in _VERSIONS:
            folders[int(name)] = parent / name
    return folders
