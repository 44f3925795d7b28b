"""python -m gateway.feedback_export: corrected photos become a folder per class.

Reads prediction logs and the photos kept beside them; what it writes is what
python -m training --data takes.
"""

from __future__ import annotations

import argparse
import hashlib
import io
import shutil
import sys
from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from PIL import Image, UnidentifiedImageError

from gateway.contract import InvalidContract, read_contract
from gateway.image import FORMATS
from gateway.prediction_log import photo_path, read_lines

EXIT_NOTHING, EXIT_BAD_USE = 1, 2
# Source: NAME_MAX of Linux, in bytes.
_LONGEST_NAME = 255

Place = tuple[str, int]


class ExportError(ValueError):
    """The export cannot begin; the message says the rule and what was received."""


@dataclass(frozen=True)
class Export:
    """Photos by label, each by its hash, and what was left out and why."""

    labels: dict[str, str]
    skipped: Counter[str]


def collect(logs: Sequence[Path], labels: Collection[str]) -> Export:
    """The last word on each photo: hash to label.

    Two passes, so that memory grows with the corrections, not with the predictions.

    Args:
        logs: The files in the order they were written, .gz too.
        labels: The labels that may be said; another one is nonsense and skipped.
    """
    skipped: Counter[str] = Counter()
    corrections = []
    for line in _lines(logs):
        if line is None:
            skipped["line that cannot be read"] += 1
        elif "feedback" in line:
            said = line["feedback"]
            if _place(line) is None or not isinstance(said, str) or said not in labels:
                skipped["correction with a label that is not known"] += 1
            else:
                corrections.append(line)
    wanted = {_place(line) for line in corrections}
    photos: dict[Place | None, dict[str, Any]] = {}
    for line in _lines(logs):
        if line and "feedback" not in line and _place(line) in wanted:
            photos[_place(line)] = line
    said_of = [(line, photos.get(_place(line))) for line in corrections]
    return Export(_last_words(said_of, skipped), skipped)


def _last_words(
    said: list[tuple[dict[str, Any], dict[str, Any] | None]], skipped: Counter[str]
) -> dict[str, str]:
    labels = {}
    for line, photo in sorted(said, key=lambda pair: str(pair[0].get("time"))):
        if photo is None:
            skipped["correction of a request that is in no log"] += 1
        elif line.get("model") not in (None, photo.get("model")):
            skipped["correction for another model than the one that answered"] += 1
        elif not isinstance(photo.get("sha256"), str):
            skipped["correction of pixels that came without a file"] += 1
        else:
            labels[photo["sha256"]] = line["feedback"]
    return labels


def _lines(logs: Sequence[Path]) -> Iterator[dict[str, Any] | None]:
    for path in logs:
        yield from read_lines(path)


def _place(line: dict[str, Any]) -> Place | None:
    request_id, index = line.get("request_id"), line.get("index")
    if isinstance(request_id, str) and isinstance(index, int):
        return request_id, index
    return None


def write_photos(export: Export, photos: Path, output: Path) -> Counter[str]:
    """Copy each photo to output/LABEL/HASH.jpg; how many each label got.

    The folder appears when it is complete. A photo that is missing, or is not what its
    hash says, is skipped.
    """
    aside = output.with_name(f".{output.name}.part")
    shutil.rmtree(aside, ignore_errors=True)
    written: Counter[str] = Counter()
    for digest, label in sorted(export.labels.items()):
        try:
            data = _read_photo(photos, digest)
            suffix = _suffix(data)
        except (OSError, ValueError):
            export.skipped["photo that is missing or damaged"] += 1
            continue
        folder = aside / label
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"{digest}{suffix}").write_bytes(data)
        written[label] += 1
    if written:
        aside.rename(output)
    return written


def _read_photo(photos: Path, digest: str) -> bytes:
    data = photo_path(photos, digest).read_bytes()
    if hashlib.sha256(data).hexdigest() != digest:
        raise ValueError("these are other bytes than were predicted")
    return data


def _suffix(data: bytes) -> str:
    """The file ending of a picture's format, as training looks for it."""
    try:
        with Image.open(io.BytesIO(data), formats=FORMATS) as picture:
            name = str(picture.format).lower()
    except UnidentifiedImageError as error:
        raise ValueError("not a picture") from error
    return ".jpg" if name in ("jpeg", "mpo") else f".{name}"


def read_labels(text: str | None, contract: Path | None) -> tuple[str, ...]:
    """The labels of the command line, or of a model's contract.json.

    Raises:
        ExportError: No labels, or one that cannot be the name of a folder.
    """
    try:
        if contract is not None:
            labels = read_contract(contract.read_bytes()).labels
        else:
            labels = tuple(label.strip() for label in (text or "").split(","))
    except (OSError, InvalidContract) as error:
        raise ExportError(f"expected a contract at {contract}: {error}") from error
    for label in labels:
        is_path = "/" in label or label.startswith(".") or not label.isprintable()
        if not label or is_path or len(label.encode()) > _LONGEST_NAME:
            raise ExportError(
                f"expected labels that can name a folder, received {label!r}"
            )
    return labels


def parse_arguments(arguments: Sequence[str]) -> argparse.Namespace:
    """The command line; a bad one ends the program with code 2."""
    parser = argparse.ArgumentParser(
        prog="python -m gateway.feedback_export",
        description="Corrected photos become a data set: one folder per class.",
    )
    parser.add_argument(
        "logs", nargs="+", type=Path, help="logs, oldest first; .gz too"
    )
    parser.add_argument(
        "--photos", type=Path, required=True, help="GATEWAY_KEEP_PHOTOS"
    )
    parser.add_argument("--output", type=Path, required=True, help="must not exist yet")
    known = parser.add_mutually_exclusive_group(required=True)
    known.add_argument("--contract", type=Path, help="contract.json of a model version")
    known.add_argument("--labels", help="the labels, separated by commas")
    return parser.parse_args(arguments)


def main(arguments: Sequence[str]) -> int:
    """Export what people said; return the exit code."""
    options = parse_arguments(arguments)
    try:
        labels = read_labels(options.labels, options.contract)
        if options.output.exists():
            raise ExportError(f"expected no {options.output} yet, received one")
        export = collect(options.logs, set(labels))
        written = write_photos(export, options.photos, options.output)
    except (ExportError, OSError) as error:
        sys.stderr.write(f"feedback_export: {error}\n")
        return EXIT_BAD_USE
    for label in labels:
        sys.stdout.write(f"{written[label]:7} {label}\n")
    for reason, count in export.skipped.items():
        sys.stdout.write(f"{count:7} skipped: {reason}\n")
    return 0 if written else EXIT_NOTHING


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
