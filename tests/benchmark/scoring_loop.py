"""The loop of python -m training.score, timed without its start: files to a file.

Made for a process of its own (own_process.py).
"""

from __future__ import annotations

import functools
import os
import time
from pathlib import Path

from tests.benchmark.bare_model import BareModel
from training.exported_model import ExportedModel
from training.score_output import RunFacts, open_output
from training.scoring import score_locally


@functools.cache
def _load(folder, threads):
    return ExportedModel(Path(folder), threads)


@functools.cache
def _load_bare(folder, size):
    return BareModel(folder, size)


def images_per_second(folder, photos, output, threads=None):
    """Read, decode, score and write all photos once; output is thrown away."""
    threads = threads or os.cpu_count()
    model = _load(folder, threads)
    facts = RunFacts(
        model="m", version=1, model_digest="", photos=len(photos), photos_digest=""
    )
    start = time.perf_counter()
    with open_output(output, facts, restarts=True) as rows:
        for table in score_locally(model, photos, threads):
            rows.append(table)
        rows.finish()
    return len(photos) / (time.perf_counter() - start)


def decoded_per_second(folder, size, photos, seconds):
    """The limit with decoding: pictures in memory, the bare network, no rows."""
    pictures = [Path(path).read_bytes() for path in photos]
    return _load_bare(folder, size).images_per_second(pictures, 16, seconds)
