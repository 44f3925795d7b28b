"""Score many photos: python -m training.score --model models/NAME PHOTOS... --output.

Exit codes: 0 when every photo has its row, bad files included (they are listed); 1 with
a sentence when the run cannot go on; 130 after Ctrl-C, with the rows so far kept.
"""

from __future__ import annotations

import contextlib
import importlib.util
import os
import sys
import time
from collections.abc import Generator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from training.errors import ScoringRefused
from training.program import run_program
from training.progress import ProgressBar
from training.score_arguments import ScoreConfig, parse_arguments
from training.score_photos import digest_photos, list_photos
from training.version_folder import digest_version, find_version

if TYPE_CHECKING:
    import pyarrow as pa

    from training.score_output import ScoreOutput

_LISTED_FILES = 20


def run(config: ScoreConfig) -> None:
    """Score all photos that have no row yet, then put the rows into the output.

    Raises:
        TrainingError: The run cannot go on; rows done so far are kept.
    """
    # Arrow takes half a second to import; --help does not wait for it.
    # pylint: disable-next=import-outside-toplevel
    from training.score_output import RunFacts, open_output

    photos = list_photos(config.photos, config.list_file)
    folder = find_version(config.model)
    facts = RunFacts(
        model=folder.parent.name,
        version=int(folder.name),
        model_digest=digest_version(folder),
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
        ProgressBar(
            total=total, initial=output.done, desc=title, unit="photo"
        ) as progress,
        contextlib.closing(start(config, folder, photos[output.done :])) as tables,
    ):
        saved = time.monotonic()
        try:
            for rows in tables:
                output.append(rows)
                if time.monotonic() - saved >= config.save_seconds:
                    output.flush()
                    saved = time.monotonic()
                progress.update(len(rows))
        finally:
            output.flush()


def _start_local(
    config: ScoreConfig, folder: Path, photos: Sequence[str]
) -> Generator[pa.Table, None, None]:
    # TensorFlow takes seconds to import; a complete output does not wait for it.
    # pylint: disable=import-outside-toplevel
    from training.exported_model import ExportedModel
    from training.scoring import score_locally

    cores = config.workers or _count_cores()
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

    workers = config.workers or _count_cores()
    with ray_workers(workers, config.ray_address):
        yield from score_with_ray(folder, photos, workers)


def _count_cores() -> int:
    """Those this process may use; macOS tells only how many there are."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


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


def main(arguments: list[str]) -> int:
    """Run once; the exit code is explained above."""
    config = parse_arguments(arguments)
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    os.environ.setdefault("RAY_BACKEND_LOG_LEVEL", "fatal")
    if config.ray_address == "local":
        # Despite its name, this is what keeps Ray's ports on loopback anywhere.
        os.environ.setdefault("RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER", "0")
    return run_program(
        "score",
        lambda: run(config),
        "the same command goes on behind the rows that are done",
    )


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
