"""The same rows from Ray Data: on several processes here, or on a cluster.

Owns the way to Ray and back; what a row says is scoring.py's business. Ray restarts a
worker that died and does its share again.
"""

from __future__ import annotations

import itertools
import logging
import os
import socket
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pyarrow as pa
import ray
from ray.data import ActorPoolStrategy, DataContext, Dataset

from training.errors import ScoringRefused, UnfitModel
from training.exported_model import ExportedModel
from training.scoring import BATCH_SIZE, score_photos

# What is done again when a worker dies, and the least that is worth a message.
BATCHES_PER_TASK = 4
_HERE = "local"
_REACH_SECONDS = 5.0
# No column of the result has this name.
_FAILURE = "failure"
_OUR_PACKAGES = ("gateway", "training")


class PhotoScorer:
    """One worker: loads the model once, then scores batch after batch.

    What is wrong with the model travels as a row of its own: out of an exception Ray
    makes pages of tracebacks.
    """

    def __init__(self, folder: str) -> None:
        """Load a version folder; one thread, since there are several workers."""
        self._model: ExportedModel | None = None
        try:
            self._model = ExportedModel(Path(folder), threads=1)
        except UnfitModel as error:
            self._failure = str(error)

    def __call__(self, rows: pa.Table) -> pa.Table:
        """From a column "photo" of paths as bytes to the rows of the result."""
        photos = [os.fsdecode(path) for path in rows["photo"].to_pylist()]
        if self._model is None:
            return pa.table({_FAILURE: [self._failure]})
        try:
            return score_photos(self._model, photos)
        except UnfitModel as error:
            return pa.table({_FAILURE: [str(error)]})


@contextmanager
def ray_workers(workers: int, address: str) -> Iterator[None]:
    """Ray for the time of a run: started here for "local", else that HOST:PORT.

    Raises:
        ScoringRefused: No cluster answers there, or Ray cannot start.
    """
    options: dict[str, object] = {"address": address}
    if address == _HERE:
        options |= {"num_cpus": workers, "include_dashboard": False}
    else:
        _check_reachable(address)
        root = Path(__file__).parent.parent
        options["runtime_env"] = {
            "py_modules": [str(root / name) for name in _OUR_PACKAGES],
            "env_vars": {"TF_CPP_MIN_LOG_LEVEL": "3"},
        }
    try:
        ray.init(logging_level="ERROR", log_to_driver=False, **options)
    except (OSError, RuntimeError, ValueError) as error:
        raise ScoringRefused(f"Ray could not start: {error}") from error
    try:
        logging.getLogger("ray.data").setLevel(logging.ERROR)
        yield
    finally:
        ray.shutdown()


def _check_reachable(address: str) -> None:
    """Ray itself would try a wrong address for minutes."""
    host, _, port = address.rpartition(":")
    try:
        socket.create_connection((host, int(port)), _REACH_SECONDS).close()
    except (OSError, ValueError, OverflowError) as error:
        raise ScoringRefused(
            f"expected a Ray cluster at HOST:PORT, received '{address}': {error}"
        ) from error


def score_with_ray(
    folder: Path, photos: Sequence[str], workers: int
) -> Iterator[pa.Table]:
    """The rows of all photos, in the order of the photos.

    Model and photos must be readable under the same paths wherever workers are.

    Raises:
        UnfitModel: A worker cannot load or run the model; a bad photo never raises.
        ScoringRefused: Ray itself fails.
    """
    context = DataContext.get_current()
    context.enable_progress_bars = False
    context.execution_options.preserve_order = True
    rows = _read_paths(photos).map_batches(
        PhotoScorer,
        fn_constructor_args=(str(folder),),
        batch_size=BATCH_SIZE,
        batch_format="pyarrow",
        compute=ActorPoolStrategy(size=workers),
        num_cpus=1,
    )
    try:
        for table in rows.iter_batches(batch_size=None, batch_format="pyarrow"):
            if _FAILURE in table.column_names:
                raise UnfitModel(table[_FAILURE].drop_null()[0].as_py())
            yield table
    except ray.exceptions.RayError as error:
        raise ScoringRefused(f"Ray failed: {str(error).splitlines()[0]}") from error


def _read_paths(photos: Sequence[str]) -> Dataset:
    """Blocks of whole batches: every batch is the one that a local run makes."""
    paths = iter(photos)
    tables = []
    while block := list(itertools.islice(paths, BATCHES_PER_TASK * BATCH_SIZE)):
        encoded = [os.fsencode(path) for path in block]
        tables.append(pa.table({"photo": pa.array(encoded, pa.binary())}))
    return ray.data.from_arrow(tables)
