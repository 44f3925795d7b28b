"""Batching per version: own parameters, no parameters, and what an unload finds."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor

import grpc
import numpy as np
import pytest
import tensorflow as tf

from serving.batch_queue import BatchingParameters
from serving.batching import Batcher
from serving.errors import ServingError
from serving.loader import BATCHING_FILE, LoadOptions, load_servable
from serving.settings import Settings
from tests.integration.serving_models import build_half_plus, build_pipes, write_graph


@pytest.fixture(name="batcher")
def _batcher():
    # With any timeout no run is in its caller's own thread, whoever calls alone.
    batcher = Batcher(BatchingParameters(max_batch_size=2, batch_timeout_micros=1))
    yield batcher
    batcher.stop()


@pytest.fixture(name="load_rows")
def _load_rows(batcher, tmp_path):
    """A function that loads a version with a batching file and runs rows."""

    def load_rows(text, count):
        folder = write_graph(tmp_path / "1", build_half_plus(2))
        if text is not None:
            (folder / BATCHING_FILE).write_text(text)
        settings = Settings(
            enable_batching=True, enable_per_model_batching_parameters=True
        )
        options = LoadOptions(settings=settings, batcher=batcher)
        servable = load_servable(options, folder)
        values = np.zeros((count, 1), np.float32)
        try:
            signature = servable.signature("")
            return servable.run(signature, {"x": values}, ("y",), None)["y"]
        finally:
            servable.close()

    return load_rows


@pytest.mark.parametrize(
    "text", [None, "max_batch_size { value: 3 }"], ids=["none", "own"]
)
def test_own_file(load_rows, text):
    """A version follows its own file; without one it is not batched."""
    assert load_rows(text, 3).tolist() == [[2.0]] * 3


def test_own_limit(load_rows):
    """The limit of a version's own file is refused as everybody's would be."""
    with pytest.raises(ServingError) as caught:
        load_rows("max_batch_size { value: 1 }", 2)

    assert caught.value.code is grpc.StatusCode.INVALID_ARGUMENT
    assert "larger than maximum input batch size 1" in caught.value.message


def test_broken_file(load_rows):
    """A file that does not parse fails the load of that version."""
    with pytest.raises(ServingError) as caught:
        load_rows("max_batch_size: 3", 1)

    assert caught.value.code is grpc.StatusCode.INVALID_ARGUMENT


def note_closed_sessions(monkeypatch):
    """The set to which the id of every session is added when it is closed."""
    closed, close = set(), tf.compat.v1.Session.close

    def note(session):
        closed.add(id(session))
        close(session)

    monkeypatch.setattr(tf.compat.v1.Session, "close", note)
    return closed


def test_unload_waits(batcher, tmp_path, monkeypatch):
    """A run whose caller gave up keeps its session until it is over."""
    pipes = tmp_path / "begun", tmp_path / "ended"
    for pipe in pipes:
        os.mkfifo(pipe)
    write_graph(tmp_path / "1", build_pipes(*pipes))
    servable = load_servable(LoadOptions(batcher=batcher), tmp_path / "1")
    values = {"x": np.float32([1.0])}
    # TensorFlow's own end of a session may wait for a run as well, or cancel it.
    closed = note_closed_sessions(monkeypatch)

    with ThreadPoolExecutor(2) as pool:
        call = pool.submit(
            servable.run, servable.signature(""), values, ("y",), timeout_seconds=2.0
        )
        # The graph has begun, and now waits for a reader of the second pipe.
        was_begun = pipes[0].read_text()
        error = call.exception(30)
        closing = pool.submit(servable.close)
        with pytest.raises(TimeoutError):
            closing.result(0.2)
        was_closed = bool(closed)
        was_ended = pipes[1].read_text()
        closing.result(30)

    assert (was_begun, was_ended) == ("begun", "ended")
    assert (was_closed, len(closed)) == (False, 1)
    assert error.code is grpc.StatusCode.DEADLINE_EXCEEDED
