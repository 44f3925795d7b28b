"""An exported version becomes a model for another runtime, compared before it counts.

Owns the folder that is written and the comparison; how a format is written lies in
other_formats.py.
"""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from gateway.errors import GatewayError
from gateway.image import decode_image
from training.errors import ConversionRefused, UnfitData
from training.export import MAX_SCORE_DIFFERENCE, check_output
from training.exported_model import ExportedModel
from training.other_formats import FLOAT32, RUNTIME_CHOICE, Runtime, write_format
from training.progress import ProgressBar
from training.score_photos import list_photos
from training.version_folder import find_version

_NOISE_PICTURES = 8
_CHUNK_PICTURES = 8


@dataclass(frozen=True, kw_only=True)
class Agreement:
    """Converted against exported scores (0-1) of the same pictures.

    difference is the largest; other_labels counts photos whose best label is not the
    same.
    """

    precision: str
    noise: int
    photos: int
    difference: float
    other_labels: int


@dataclass(frozen=True, kw_only=True)
class Conversion:
    """What was written; as_it_comes is in the precision the runtime chooses."""

    model_file: Path
    in_float32: Agreement
    as_it_comes: Agreement


def convert_model(
    model: Path, file_format: str, output: Path, photos: Iterable[str] = ()
) -> Conversion:
    """Write one version in another format, with its contract and what was compared.

    Args:
        model: models/NAME, of which the highest version is taken, or a version.
        file_format: "onnx" or "openvino".
        output: A folder that is not there yet, or empty.
        photos: Files and folders; their scores are compared, beside those of noise.

    Raises:
        ConversionRefused: A package is missing, the format cannot hold the model, or
            scores in float32 differ by more than MAX_SCORE_DIFFERENCE; nothing is left.
        UnfitModel: No exported model lies there.
        UnfitData: A photo that cannot be read.
        ExportRefused: Nothing may be written there.
    """
    if os.path.exists(output) and (not output.is_dir() or any(output.iterdir())):
        raise ConversionRefused(
            f"expected a folder that is not there yet or empty, '{output}' is not"
        )
    check_output(output)
    folder = find_version(model)
    exported = ExportedModel(folder, os.cpu_count() or 1)
    pictures = list(_read_pictures(tuple(photos), exported.contract.image.size))
    with _folder_aside(output) as aside:
        path = write_format(folder, exported.contract, file_format, aside)
        in_float32, as_it_comes = (
            _compare(exported, Runtime(path, precision), pictures)
            for precision in (FLOAT32, RUNTIME_CHOICE)
        )
        if not in_float32.difference <= MAX_SCORE_DIFFERENCE:
            raise ConversionRefused(
                f"expected converted scores within {MAX_SCORE_DIFFERENCE} of the "
                f"exported ones, found {in_float32.difference:.2g}: nothing was written"
            )
        conversion = Conversion(
            model_file=output / path.name,
            in_float32=in_float32,
            as_it_comes=as_it_comes,
        )
        (aside / "contract.json").write_text(
            exported.contract.to_json(), encoding="utf-8"
        )
        _write_facts(conversion, f"{folder.parent.name}/{folder.name}", aside)
    return conversion


def _read_pictures(
    photos: tuple[str, ...], size: tuple[int, int]
) -> Iterator[tuple[bool, NDArray[np.uint8]]]:
    """(is_noise, uint8 (n, height, width, 3)): noise as one batch, and one alone."""
    noise = np.random.default_rng(0).integers(
        0, 256, (_NOISE_PICTURES, *size, 3), np.uint8
    )
    yield True, noise
    yield True, noise[:1]
    if not photos:
        return
    paths = list_photos(photos, None)
    starts = range(0, len(paths), _CHUNK_PICTURES)
    for start in ProgressBar(starts, "decoding photos", unit="batch"):
        chunk = paths[start : start + _CHUNK_PICTURES]
        yield False, np.stack([_decode(path, size) for path in chunk])


def _decode(path: str, size: tuple[int, int]) -> NDArray[np.uint8]:
    try:
        return decode_image(Path(path).read_bytes(), size)
    except OSError as error:
        raise UnfitData(f"'{path}' cannot be read: {error.strerror}") from error
    except GatewayError as error:
        raise UnfitData(f"'{path}' is no readable picture: {error}") from error


def _compare(
    exported: ExportedModel,
    runtime: Runtime,
    pictures: list[tuple[bool, NDArray[np.uint8]]],
) -> Agreement:
    differences, other_labels = [], 0
    title = f"comparing in {runtime.precision}"
    for is_noise, batch in ProgressBar(pictures, title, unit="batch"):
        expected, found = exported.score(batch), runtime.score(batch)
        if found.shape != expected.shape:
            raise ConversionRefused(
                f"expected scores {expected.shape}, the converted model gives "
                f"{found.shape}: nothing was written"
            )
        differences.append(np.abs(expected - found).max())
        if not is_noise:
            is_other = expected.argmax(axis=1) != found.argmax(axis=1)
            other_labels += int(is_other.sum())
    return Agreement(
        precision=runtime.precision,
        noise=_NOISE_PICTURES,
        photos=sum(len(batch) for is_noise, batch in pictures if not is_noise),
        difference=float(np.max(differences)),
        other_labels=other_labels,
    )


@contextmanager
def _folder_aside(output: Path) -> Iterator[Path]:
    """A hidden folder that becomes output when the block ends well, or is gone."""
    try:
        output.parent.mkdir(parents=True, exist_ok=True)
        aside = Path(tempfile.mkdtemp(prefix=".writing-", dir=output.parent))
        try:
            # Temporary folders are their owner's alone; one made inside is not.
            folder = aside / "converted"
            folder.mkdir()
            yield folder
            folder.rename(output)
        finally:
            shutil.rmtree(aside)
    except OSError as error:
        raise ConversionRefused(f"could not write '{output}': {error}") from error


def _write_facts(conversion: Conversion, version: str, folder: Path) -> None:
    facts = {
        "model": version,
        "file": conversion.model_file.name,
        "in_float32": asdict(conversion.in_float32),
        "as_it_comes": asdict(conversion.as_it_comes),
        "allowed_difference": MAX_SCORE_DIFFERENCE,
    }
    path = folder / "conversion.json"
    path.write_text(json.dumps(facts, indent=2) + "\n", encoding="utf-8")
