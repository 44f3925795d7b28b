"""How much single photos of a folder count: weights.csv beside the class folders.

Owns that file's form; who learns and judges by the weights is no concern here.
"""

from __future__ import annotations

import csv
import math
from pathlib import Path

from training.errors import UnfitData

WEIGHTS_FILE = "weights.csv"
_HEADER = ["path", "weight"]


def find_weights(folder: Path, photos: set[Path]) -> dict[Path, float]:
    """The weight of each photo that the folder's weights.csv names; else it is 1.

    Its first row is path,weight; paths are relative to the folder, weights above 0: a
    photo of weight 0.5 counts half as much as one of weight 1.

    Raises:
        UnfitData: A row is no path with a weight, or names no photo or one twice; the
            message names the row.
    """
    path = folder / WEIGHTS_FILE
    if not path.is_file():
        return {}
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            rows = list(csv.reader(file))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise UnfitData(f"'{path}' cannot be read as CSV in UTF-8: {error}") from error
    if not rows or rows[0] != _HEADER:
        received = ",".join(rows[0]) if rows else "an empty file"
        raise UnfitData(
            f"expected {WEIGHTS_FILE} to begin with path,weight, received {received}"
        )
    weights: dict[Path, float] = {}
    for number, row in enumerate(rows[1:], start=2):
        if not row:
            continue
        place, weight = _read_row(row, number)
        photo = folder / place
        if photo not in photos or photo in weights:
            problem = "one twice" if photo in weights else "none"
            raise UnfitData(
                f"row {number} of {WEIGHTS_FILE}: expected a photo of the folder, "
                f"received {problem}: {place}"
            )
        weights[photo] = weight
    return weights


def _read_row(row: list[str], number: int) -> tuple[str, float]:
    try:
        place, told = row
        weight = float(told)
        if math.isfinite(weight) and weight > 0:
            return place, weight
    except ValueError:
        pass
    raise UnfitData(
        f"row {number} of {WEIGHTS_FILE}: expected a path and a weight above 0, "
        f"received {','.join(row)}"
    )
