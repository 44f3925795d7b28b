"""The command line of batch scoring becomes one frozen configuration."""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from pathlib import Path

_SUFFIXES = (".csv", ".parquet")


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
    save_seconds: float
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
    parser.add_argument(
        "--save-seconds",
        type=float,
        default=5.0,
        help="rows go to disk as often: what a killed run does again (default: 5)",
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
        help="a running Ray cluster that sees the same files, its token in "
        "RAY_AUTH_TOKEN (default: Ray is started here for this run)",
    )


def _table_file(text: str) -> Path:
    path = Path(text)
    text.encode()  # Arrow opens no other names; argparse tells of a ValueError
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
