"""Paths become rows: read, decode and score, on the cores of this machine.

Owns what a row says and how the work is spread over threads; writes no file.
"""

from __future__ import annotations

import itertools
import os
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from gateway.errors import GatewayError
from gateway.image import decode_image
from training.exported_model import ExportedModel

# A run always takes photos 32k to 32k + 31 of the list: the last digit of a score may
# depend on the batch, but not on where an earlier run stopped. No faster with more, as
# measured for the feature extraction.
BATCH_SIZE = 32
# A picture of the most pixels that are decoded, as 16-bit RGBA without compression.
MAX_FILE_BYTES = 400_000_000
# Rows come in order: while the first is awaited, the other workers have work left.
_WINDOW_PER_WORKER = 2


def score_locally(
    model: ExportedModel, photos: Sequence[str], workers: int
) -> Iterator[pa.Table]:
    """The rows of all photos, BATCH_SIZE at a time, in the order of the photos.

    Only a window of batches is in memory, however many photos there are.

    Raises:
        UnfitModel: The model fails; a bad photo never raises.
    """
    starts = iter(range(0, len(photos), BATCH_SIZE))
    window: deque[Future[pa.Table]] = deque()
    with ThreadPoolExecutor(workers) as pool:

        def submit(count: int) -> None:
            for start in itertools.islice(starts, count):
                chunk = photos[start : start + BATCH_SIZE]
                window.append(pool.submit(score_photos, model, chunk))

        submit(_WINDOW_PER_WORKER * workers)
        try:
            while window:
                yield window.popleft().result()
                submit(1)
        finally:
            for future in window:
                future.cancel()


def score_photos(model: ExportedModel, photos: Sequence[str]) -> pa.Table:
    """One run of the network; one row a photo, in the columns of the result.

    A photo that cannot be read has an error and nulls for label and scores.

    Raises:
        UnfitModel: The model fails.
    """
    batch = np.zeros((len(photos), *model.contract.image.size, 3), np.uint8)
    errors: list[str | None] = []
    for i, path in enumerate(photos):
        try:
            batch[i] = decode_image(_read_file(path), model.contract.image.size)
            errors.append(None)
        except GatewayError as error:
            errors.append(str(error))
        # A path from a list may hold a NUL, which is a ValueError.
        except (OSError, ValueError) as error:
            errors.append(getattr(error, "strerror", None) or str(error))
    scores = model.score(batch)
    for i in np.flatnonzero(~np.isfinite(scores).all(axis=1)):
        errors[i] = errors[i] or "the model gave scores that are no numbers"
    return _tabulate(model, photos, scores, errors)


def _read_file(path: str) -> bytes:
    if not os.path.exists(path):
        raise FileNotFoundError(0, "no such file")
    if not os.path.isfile(path):
        raise OSError(0, "expected a file with a picture")
    size = os.path.getsize(path)
    if size > MAX_FILE_BYTES:
        raise OSError(0, f"expected at most {MAX_FILE_BYTES} bytes, found {size}")
    return Path(path).read_bytes()


def _tabulate(
    model: ExportedModel,
    photos: Sequence[str],
    scores: NDArray[np.float32],
    errors: Sequence[str | None],
) -> pa.Table:
    """Columns path, label, score, score_LABEL of each label, model, version, error."""
    contract, count = model.contract, len(photos)
    is_bad = np.array([error is not None for error in errors])
    best = scores.argmax(axis=1)
    labels = np.array(contract.labels, object)[best]
    columns = {
        # A file's name may be any bytes; text columns are UTF-8.
        "path": [
            os.fsencode(path).decode(errors="backslashreplace") for path in photos
        ],
        "label": pa.array(labels, pa.string(), mask=is_bad),
        "score": pa.array(scores.max(axis=1), pa.float32(), mask=is_bad),
    }
    for i, label in enumerate(contract.labels):
        columns[f"score_{label}"] = pa.array(scores[:, i], pa.float32(), mask=is_bad)
    columns["model"] = [contract.model] * count
    columns["version"] = pa.array([model.version] * count, pa.int64())
    columns["error"] = pa.array(errors, pa.string())
    return pa.table(columns)
