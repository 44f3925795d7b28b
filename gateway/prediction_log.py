"""What was answered and what people said of it, one JSON object a line, for training.

Owns the file and the folder of kept photos. Several workers may write, and the file may
be moved away at any time: each line is one write to the file that has the name then.
"""

from __future__ import annotations

import gzip
import hashlib
import json
import os
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gateway.errors import GatewayError
from gateway.settings import OFF, Settings

if TYPE_CHECKING:
    from gateway.request_log import Answer

# A line begins with it, and no text inside a line can hold it: quotes are escaped.
_BEGINNING = '{"time": '
# Photos are private: the owner writes, its group may read.
_FILE_MODE = 0o640


@dataclass(frozen=True)
class Correction:
    """What a person says of one picture of one request; model None: not told."""

    request_id: str
    index: int
    label: str
    model: str | None


class PredictionLog:
    """Lines of predictions and corrections, and the photos if they are kept."""

    def __init__(self, path: Path, photos: Path | None = None) -> None:
        """Make the folders and try the file.

        Raises:
            OSError: Nothing can be written there.
        """
        self._path = path
        self._photos = photos
        path.parent.mkdir(parents=True, exist_ok=True)
        if photos is not None:
            photos.mkdir(parents=True, exist_ok=True)
        self._append([])

    def add_answer(self, request_id: str, answer: Answer) -> None:
        """One line for each picture that got a prediction.

        Raises:
            OSError: The disk is full, or the like.
        """
        reply = answer.reply
        lines = []
        for index, entry in enumerate(reply.predictions):
            if isinstance(entry, GatewayError):
                continue
            line = {
                "time": _now(),
                "request_id": request_id,
                "index": index,
                "model": reply.model,
                "version": reply.version,
                "label": entry.best.label,
                "score": entry.best.score,
                "sha256": self._keep(answer, index),
            }
            lines.append(line)
        self._append(lines)

    def _keep(self, answer: Answer, index: int) -> str | None:
        """The hash of one picture; none of what came as pixels instead of a file."""
        picture = answer.pictures[index] if index < len(answer.pictures) else None
        if not isinstance(picture, bytes):
            return None
        digest = hashlib.sha256(picture).hexdigest()
        if self._photos is not None:
            _write_once(photo_path(self._photos, digest), picture)
        return digest

    def add_correction(self, correction: Correction) -> None:
        """One line for what a person says.

        Raises:
            OSError: As add_answer.
        """
        line = {
            "time": _now(),
            "request_id": correction.request_id,
            "index": correction.index,
            "model": correction.model,
            "feedback": correction.label,
        }
        self._append([line])

    def _append(self, lines: list[dict[str, Any]]) -> None:
        text = "".join(json.dumps(line) + "\n" for line in lines)
        flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC
        file = os.open(self._path, flags, _FILE_MODE)
        try:
            # With O_APPEND the kernel puts one write behind all others, in one piece.
            written = os.write(file, text.encode()) if text else 0
        finally:
            os.close(file)
        if written < len(text):
            raise OSError(f"only {written} of {len(text)} bytes were written")


def open_prediction_log(settings: Settings) -> PredictionLog | None:
    """The log that the settings name, if they name one.

    Raises:
        OSError: Nothing can be written there.
    """
    if settings.prediction_log == OFF:
        return None
    photos = None if settings.keep_photos == OFF else Path(settings.keep_photos)
    return PredictionLog(Path(settings.prediction_log), photos)


def photo_path(folder: Path, digest: str) -> Path:
    """Where a photo lies: 256 folders, so that none holds a million files."""
    return folder / digest[:2] / digest


def _write_once(path: Path, data: bytes) -> None:
    """A whole file or none, whoever else writes the same one now."""
    if path.exists():
        return
    path.parent.mkdir(exist_ok=True)
    aside = path.with_name(f".{path.name}.{os.getpid()}.{threading.get_ident()}")
    with open(os.open(aside, os.O_WRONLY | os.O_CREAT, _FILE_MODE), "wb") as file:
        file.write(data)
    os.replace(aside, path)


def _now() -> str:
    """UTC with milliseconds, as in the request log."""
    now = datetime.now(UTC)
    return f"{now:%Y-%m-%dT%H:%M:%S}.{now.microsecond // 1000:03d}Z"


def read_lines(path: Path) -> Iterator[dict[str, Any] | None]:
    """Every line of a log, plain or .gz; None for one that cannot be read.

    A full disk leaves half a line, and the next one behind it: that one is found.
    """
    opened = gzip.open if path.suffix == ".gz" else open
    with opened(path, "rt", encoding="utf-8", errors="replace") as file:
        for line in file:
            before, beginning, rest = line.rpartition(_BEGINNING)
            if before or not beginning:
                yield None
            try:
                document = json.loads(beginning + rest) if beginning else None
            except (ValueError, RecursionError):
                yield None
                continue
            if isinstance(document, dict):
                yield document
