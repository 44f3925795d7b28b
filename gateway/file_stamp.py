"""By what a file shows that it is another one than the last time."""

from __future__ import annotations

import os
from pathlib import Path

FileStamp = tuple[int, int, int]


def read_stamp(path: Path) -> FileStamp | None:
    """Inode, nanoseconds of the last change and bytes; None if it cannot be looked at.

    A ConfigMap's files change their inode alone, an editor's often their time alone.
    """
    try:
        status = os.stat(path)
    except OSError:
        return None
    return status.st_ino, status.st_mtime_ns, status.st_size
