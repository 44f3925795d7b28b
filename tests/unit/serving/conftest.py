"""The parts of the server over fakes; all are stopped when a test ends."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from serving.batch_queue import BatchingParameters
from serving.batching import Batcher, ignore_run
from serving.models import ModelStore
from serving.served_model import Timing
from serving.version_state import RetryPolicy
from serving.versions import ModelVersions
from tests.unit.serving.fakes import Clock, Loader

# Three attempts, a minute apart.
RETRY = RetryPolicy(max_retries=2, interval_seconds=60.0)


@pytest.fixture(name="clock")
def _clock():
    return Clock()


@pytest.fixture(name="loader")
def _loader():
    return Loader()


@pytest.fixture(name="versions")
def _versions(clock, loader):
    return ModelVersions("m", loader, clock, RETRY, on_change=lambda: None)


@pytest.fixture(name="make_store")
def _make_store():
    made = []

    def make(disk, poll_seconds=0, **options):
        timing = Timing(
            clock=Clock(), poll_seconds=poll_seconds, retry=RetryPolicy(max_retries=0)
        )
        made.append(ModelStore(Loader(broken={13}), disk, timing, **options))
        return made[-1]

    yield make
    for store in made:
        store.stop()


@pytest.fixture(name="callers")
def _callers():
    """A pool of threads that call at once."""
    with ThreadPoolExecutor(16) as pool:
        yield pool


@pytest.fixture(name="make_batcher")
def _make_batcher():
    made = []

    def make(note_run=ignore_run, **parameters):
        made.append(Batcher(BatchingParameters(**parameters), note_run))
        return made[-1]

    yield make
    for batcher in made:
        batcher.stop()
