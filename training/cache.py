"""What the disk says of the cache becomes a sentence with a way out."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from training.errors import UnfitCache


@contextmanager
def tell_disk(folder: Path) -> Iterator[None]:
    """Around whatever writes into a folder of the cache.

    Raises:
        UnfitCache: The disk did not take it.
    """
    try:
        yield
    except OSError as error:
        raise UnfitCache(
            f"expected to write into '{folder}': {error.strerror or error}; name "
            "another place with --cache FOLDER, or use --no-cache"
        ) from error
