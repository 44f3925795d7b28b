"""How many of a model's requests go to its canary: a small file that is followed.

Knows neither Flask nor gRPC. scripts/canary writes the file.
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gateway.file_stamp import read_stamp
from gateway.log_lines import Facts

# A changed file is seen within this time; looking costs 2 microseconds.
LOOK_SECONDS = 1.0
_HASH_BYTES = 8
_KINDS: Mapping[str, tuple[type, ...]] = {
    "percent": (int, float),
    "label": (str,),
    "stable": (str,),
    "sticky": (bool,),
    "reason": (str,),
}
logger = logging.getLogger(__name__)


class CanaryFileError(ValueError):
    """The file cannot be used; the message says what was expected in it."""


@dataclass(frozen=True, kw_only=True)
class Canary:
    """The share of one model's requests that its canary gets, 0-100 percent.

    label and stable are version labels of the model server. A sticky canary gets the
    same request ids again, and more of them as its share grows.
    """

    percent: float = 0
    label: str = "canary"
    stable: str = "stable"
    sticky: bool = False
    reason: str = ""

    def takes(self, request_id: str) -> bool:
        """True if this request is one of the canary's."""
        key = request_id.encode() if self.sticky else os.urandom(_HASH_BYTES)
        digest = hashlib.blake2b(key, digest_size=_HASH_BYTES).digest()
        return int.from_bytes(digest, "big") * 100 < self.percent * 256**_HASH_BYTES


class CanaryFile:
    """The canaries of a file, by model; a broken file leaves what was known.

    Until a file could be read every model has a canary that gets nothing: its requests
    go to the label stable, and no version that happens to be loaded gets them all.
    """

    def __init__(self, path: Path, clock: Callable[[], float] = time.monotonic) -> None:
        """Clock gives seconds; a file that is missing or broken is logged."""
        self._path = path
        self._clock = clock
        self._canaries: Mapping[str, Canary] | None = None
        self._seen: object = ()
        self._look_at = -float("inf")
        self._looking = threading.Lock()
        self.is_broken = False
        self.follow()

    def find(self, model: str) -> Canary | None:
        """A model's canary; None if the file names none and its requests go on."""
        if self._canaries is None:
            return Canary()
        return self._canaries.get(model)

    def follow(self) -> bool:
        """Look at the file, at most once a second; true if it was read or refused."""
        if self._clock() < self._look_at:
            return False
        with self._looking:
            stamp = read_stamp(self._path)
            self._look_at = self._clock() + LOOK_SECONDS
            if stamp == self._seen:
                return False
            self._seen = stamp
            self._read()
            return True

    def _read(self) -> None:
        try:
            self._canaries = read_canaries(self._path)
        except CanaryFileError as error:
            self.is_broken = True
            logger.error(Facts(event="canary_file_refused", reason=error))
            return
        self.is_broken = False
        for model, canary in self._canaries.items():
            logger.info(Facts(event="canary", model=model, **vars(canary)))


def read_canaries(path: Path) -> dict[str, Canary]:
    """By model, the canaries of a file {"MODEL": {"percent": 10, "sticky": false}}.

    Raises:
        CanaryFileError: Unreadable, no JSON, or something else than such objects.
    """
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise CanaryFileError(f"expected a file of JSON at {path}: {error}") from error
    if not isinstance(document, dict):
        raise CanaryFileError(f"{path}: expected an object with a member per model")
    return {name: _read_canary(name, entry) for name, entry in document.items()}


def _read_canary(model: str, entry: Any) -> Canary:
    if not isinstance(entry, dict) or not set(entry) <= set(_KINDS):
        raise CanaryFileError(
            f"model '{model}': expected an object of {', '.join(_KINDS)}, "
            f"received {str(entry)[:200]}"
        )
    for name, value in entry.items():
        is_misplaced = isinstance(value, bool) != (bool in _KINDS[name])
        if not isinstance(value, _KINDS[name]) or is_misplaced:
            raise CanaryFileError(
                f"model '{model}': expected {_KINDS[name][-1].__name__} as '{name}', "
                f"received {str(value)[:100]}"
            )
    canary = Canary(**entry)
    if not 0 <= canary.percent <= 100:
        raise CanaryFileError(
            f"model '{model}': expected a percent from 0 to 100, received "
            f"{canary.percent}"
        )
    if not canary.label or not canary.stable or canary.label == canary.stable:
        raise CanaryFileError(
            f"model '{model}': expected different texts as 'label' and 'stable', "
            f"received '{canary.label}' and '{canary.stable}'"
        )
    return canary
