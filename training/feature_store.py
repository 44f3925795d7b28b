"""What a frozen network says of each picture: computed once, kept and found again.

Owns the memory and the files of features; a picture is known by its content.
"""

from __future__ import annotations

import hashlib
import os
import tempfile
import time
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import keras
import numpy as np
from numpy.typing import NDArray

from gateway.image import RESIZE_RULE
from training.augment import augment
from training.cache import tell_disk
from training.config import Augmentation
from training.pictures import Pixels
from training.progress import ProgressBar

# Measured on 2 cores with EfficientNet-Lite0: no faster from here on, only more memory.
CHUNK_PICTURES = 32
# An interrupted run loses no more than this.
SHARD_PICTURES = 512
_Rows = NDArray[np.float32]


@dataclass(frozen=True)
class Changes:
    """What the augmentation passes do: knobs, and the seed of what is drawn."""

    knobs: Augmentation
    seed: int

    def apply(self, pixels: Pixels, number: int) -> NDArray[np.uint8]:
        """The pictures as pass number shows them; 0 is as they are."""
        return augment(pixels.batch, pixels.digests, number, self.knobs, self.seed)

    def key(self, number: int) -> str:
        """What tells one pass from another: passes 0 and 1 hold no chance."""
        if number == 0:
            return "as-it-is"
        if number == 1 and self.knobs.flip:
            return "mirrored"
        told = hashlib.sha256(f"{number} {self}".encode()).hexdigest()[:12]
        return f"changed-{number}-{told}"


class FeatureStore:
    """Rows of one frozen function, one for each picture and augmentation pass.

    folder is of this function alone; None keeps rows in memory only. A file that is
    damaged counts as missing.
    """

    def __init__(
        self,
        function: Callable[[NDArray[np.uint8]], _Rows],
        folder: Path | None,
        changes: Changes,
    ) -> None:
        self._function = function
        self._folder = folder
        self._changes = changes
        self._rows: dict[str, dict[str, _Rows]] = {}
        self._computed, self._seconds = 0, 0.0

    @property
    def photos_per_second(self) -> float | None:
        """Pictures changed and run through the function, by wall time; None: none."""
        return self._computed / self._seconds if self._computed else None

    def rows(
        self,
        pixels: Pixels,
        title: str,
        number: int = 0,
    ) -> _Rows:
        """What the function says of each picture, with a progress bar on stderr.

        Args:
            pixels: The pictures.
            title: What the progress bar says.
            number: The augmentation pass; 0 is the picture itself.

        Returns:
            Shape (n, ...), in the order of the pictures.
        """
        key = self._changes.key(number)
        known = self._rows.setdefault(key, self._read(key))
        places = {digest: index for index, digest in enumerate(pixels.digests)}
        missing = [index for digest, index in places.items() if digest not in known]
        with ProgressBar(total=len(missing), desc=title, unit="photo") as progress:
            for start in range(0, len(missing), SHARD_PICTURES):
                shard = missing[start : start + SHARD_PICTURES]
                fresh: dict[str, _Rows] = {}
                for first in range(0, len(shard), CHUNK_PICTURES):
                    part = pixels.take(np.array(shard[first : first + CHUNK_PICTURES]))
                    fresh.update(zip(part.digests, self._compute(part, number)))
                    progress.update(len(part.digests))
                self._write(key, fresh)
                known.update(fresh)
        return np.stack([known[digest] for digest in pixels.digests])

    def _compute(self, part: Pixels, number: int) -> _Rows:
        start = time.perf_counter()
        rows = self._function(self._changes.apply(part, number))
        self._computed += len(rows)
        self._seconds += time.perf_counter() - start
        return rows

    def _read(self, key: str) -> dict[str, _Rows]:
        known: dict[str, _Rows] = {}
        if self._folder is None:
            return known
        for path in sorted((self._folder / key).glob("*.npz")):
            try:
                # np.load leaves its own file open when that is damaged.
                with path.open("rb") as file, np.load(file) as shard:
                    known.update(zip(map(str, shard["digests"]), shard["rows"]))
            except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile):
                path.unlink(missing_ok=True)
        return known

    def _write(self, key: str, fresh: dict[str, _Rows]) -> None:
        """Written aside, then renamed: a shard is whole or not there."""
        if self._folder is None:
            return
        folder = self._folder / key
        with tell_disk(folder):
            folder.mkdir(parents=True, exist_ok=True)
            handle, aside = tempfile.mkstemp(dir=folder, suffix=".writing")
            try:
                with os.fdopen(handle, "wb") as file:
                    rows = np.stack(list(fresh.values()))
                    np.savez(file, digests=list(fresh), rows=rows)
                os.replace(aside, Path(aside).with_suffix(".npz"))
            finally:
                Path(aside).unlink(missing_ok=True)


def name_features(
    network: keras.Model, function: Callable[[NDArray[np.uint8]], _Rows]
) -> str:
    """16 hex digits that change with the network, its weights, or how it is fed.

    Layers carry no lasting names, so that their way of working is known by what
    comes out for one fixed picture of noise.
    """
    digest = hashlib.sha256(f"{RESIZE_RULE} {network.input_shape}".encode())
    for weight in network.get_weights():
        digest.update(np.ascontiguousarray(weight).data)
    noise = np.random.default_rng(0).integers(
        0, 256, (1, *network.input_shape[1:]), np.uint8
    )
    digest.update(np.round(function(noise), 2).tobytes())
    return digest.hexdigest()[:16]
