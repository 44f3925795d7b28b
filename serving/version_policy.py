"""Which versions a base path holds, and which of them are wanted."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

_VERSION_NAME = re.compile(r"[0-9]+")
_MAX_VERSION = 2**63 - 1


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
    """The direct children of base_path whose whole name is a number.

    Of two names for one number (1 and 001) the last in sorted order wins.

    Raises:
        OSError: base_path is missing or not readable.
    """
    folders = {}
    for name in sorted(os.listdir(base_path)):
        if _VERSION_NAME.fullmatch(name) and int(name) <= _MAX_VERSION:
            folders[int(name)] = Path(base_path) / name
    return folders
