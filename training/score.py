"""Score many photos: python -m training.score --model models/NAME PHOTOS... --output.

Exit codes: 0 when every photo has its row, bad files included (they are listed); 1 with
a sentence when the run cannot go on; 130 after Ctrl-C, with the rows so far kept.
"""

from __future__ import annotations

import argparse
import contextlib
import importlib.util
import logging
import os
import sys
from collections.abc import Generator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from tqdm import tqdm

from training.errors import ScoringRefused, TrainingError
from training.score_photos import digest_photos, list_photos

if TYPE_CHECKING:
    import pyarrow as pa

    from training.score_output import ScoreOutput

_SUFFIXES = (".csv", ".parquet")
_LISTED_FILES = 20


@dataclass(frozen=True, kw_only=True)
class ScoreConfig:
    """One run; list_file adds to the photos, workers is None for one per core."""

    model: Path
    photos: list[str]
    list_file: Path | None
    output: Path
    engine: str
    workers: int | None
    ray_address: str
    restarts: bool


def parse_arguments(arguments: list[str]) -> ScoreConfig:
    """One run's configuration; a wrong argument ends the program with the usage."""
    parser = argparse.ArgumentParser(
        prog="python -m training.score",
        description="Score photos with an exported model; one row a photo, in the "
        "order given. The same command goes on where an interrupted run stopped.",
    )
    parser.add_argument(
        "photos", nargs="*", metavar="PHOTOS", help="picture files, folders of them"
    )
    parser.add_argument(
        "--list",
        dest="list_file",
        type=Path,
        metavar="FILE",
        help="a text file of more paths, one a line",
    )
    parser.add_argument(
        "--model",
        required=True,
        type=Path,
        metavar="models/NAME[/VERSION]",
        help="what training exported; without a version the highest",
    )
    parser.add_argument(
        "--output",
        required=True,
        type=_table_file,
        metavar="scores.csv|scores.parquet",
        help="path, label, score, one column per label, model, version, error",
    )
    parser.add_argument(
        "--restart",
        action="store_true",
        dest="restarts",
        help="throw away the rows that are there and score all photos anew",
    )
    _add_engine(parser)
    return ScoreConfig(**vars(parser.parse_args(arguments)))


def _add_engine(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--engine",
        choices=("local", "ray"),
        default="local",
        help="threads of this process, or Ray Data (Pipfile category ray)",
    )
    parser.add_argument(
        "--workers",
        type=_count,
        help="threads or Ray workers at once (default: as many as there are cores)",
    )
    parser.add_argument(
        "--ray-address",
        default="local",
        metavar="HOST:PORT",
        help="a running Ray cluster that sees the same files (default: Ray is started "
        "here for this run)",
    )


def _table_file(text: str) -> Path:
    path = Path(text)
    if path.suffix not in _SUFFIXES:
        raise argparse.ArgumentTypeError(
            f"expected a file that ends in {' or '.join(_SUFFIXES)}, received '{text}'"
        )
    return path


def _count(text: str) -> int:
    count = int(text)
    if count < 1:
        raise argparse.ArgumentTypeError(f"expected at least 1, received {count}")
    return count


def run(config: ScoreConfig) -> None:
    """Score all photos that have no row yet, then put the rows into the output.

    Raises:
        TrainingError: The run cannot go on; rows done so far are kept.
    """
    # These import TensorFlow or Arrow: --help does not wait for them.
    # pylint: disable=import-outside-toplevel
    from training.exported_model import digest_model, find_version
    from training.score_output import RunFacts, open_output

    photos = list_photos(config.photos, config.list_file)
    folder = find_version(config.model)
    facts = RunFacts(
        model=folder.parent.name,
        version=int(folder.name),
        model_digest=digest_model(folder),
        photos=len(photos),
        photos_digest=digest_photos(photos),
    )
    with open_output(config.output, facts, config.restarts) as output:
        if output.is_complete:
            print(f"{config.output} is complete; --restart would score anew")
        else:
            if output.done < len(photos):
                _score_rest(config, folder, photos, output)
            output.finish()
            print(f"scores {config.output}")
        _tell_errors(output, len(photos))


def _score_rest(
    config: ScoreConfig, folder: Path, photos: Sequence[str], output: ScoreOutput
) -> None:
    """Append the missing rows; what was scored is kept, however this ends."""
    start = _start_ray if config.engine == "ray" else _start_local
    title, total = "scoring photos", len(photos)
    with (
        tqdm(total=total, initial=output.done, desc=title, unit="photo") as progress,
        contextlib.closing(start(config, folder, photos[output.done :])) as tables,
    ):
        try:
            for rows in tables:
                output.append(rows)
                progress.update(len(rows))
        finally:
            output.flush()


def _start_local(
    config: ScoreConfig, folder: Path, photos: Sequence[str]
) -> Generator[pa.Table, None, None]:
    # pylint: disable=import-outside-toplevel
    from training.exported_model import ExportedModel
    from training.scoring import score_locally

    cores = config.workers or len(os.sched_getaffinity(0))
    yield from score_locally(ExportedModel(folder, cores), photos, cores)


def _start_ray(
    config: ScoreConfig, folder: Path, photos: Sequence[str]
) -> Generator[pa.Table, None, None]:
    if importlib.util.find_spec("ray") is None:
        raise ScoringRefused(
            "--engine ray needs Ray, which is not installed: install the Pipfile "
            "category 'ray', or leave --engine out"
        )
    from training.ray_engine import (  # pylint: disable=import-outside-toplevel
        ray_workers,
        score_with_ray,
    )

    workers = config.workers or len(os.sched_getaffinity(0))
    with ray_workers(workers, config.ray_address):
        yield from score_with_ray(folder, photos, workers)


def _tell_errors(output: ScoreOutput, photos: int) -> None:
    """The summary of bad files on stderr; nothing where all are good."""
    count = 0
    for count, (path, error) in enumerate(output.list_errors(), start=1):
        if count <= _LISTED_FILES:
            print(f"- {path}: {error}", file=sys.stderr)
    if count > _LISTED_FILES:
        print(f"- and {count - _LISTED_FILES} more", file=sys.stderr)
    if count:
        print(
            f"{count} of {photos} photos have no scores; column 'error' says why",
            file=sys.stderr,
        )


def main() -> int:
    """Run once; the exit code is explained above."""
    config = parse_arguments(sys.argv[1:])
    # At 2 it tells of an error where there is just no GPU.
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    os.environ.setdefault("RAY_BACKEND_LOG_LEVEL", "fatal")
    logging.getLogger("tensorflow").setLevel(logging.ERROR)
    try:
        run(config)
    except TrainingError as error:
        print(f"score: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print(
            "score: interrupted; the same command goes on behind the rows that are "
            "done",
            file=sys.stderr,
        )
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
