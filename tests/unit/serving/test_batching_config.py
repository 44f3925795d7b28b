"""Batching parameter files in protobuf text, as TensorFlow Serving takes them."""

from __future__ import annotations

from pathlib import Path

import pytest
from grpc import StatusCode

from serving.batch_queue import BatchingParameters
from serving.batching_config import read_batching_file
from serving.errors import ServingError

SHIPPED = Path(__file__).parents[3] / "serving" / "batching.config"


@pytest.fixture(name="read")
def _read(tmp_path):
    """A function that reads one text."""

    def read(text):
        path = tmp_path / "batching.config"
        path.write_text(text, encoding="utf-8")
        return read_batching_file(str(path))

    return read


def test_all_fields(read):
    """Every field of a full file is taken over."""
    parameters = read("""
        max_batch_size { value: 32 }
        batch_timeout_micros { value: 1500 }
        max_enqueued_batches { value: 7 }
        num_batch_threads { value: 3 }
        thread_pool_name { value: "pool" }
        enable_large_batch_splitting { value: true }
        max_execution_batch_size { value: 16 }
        allowed_batch_sizes: 4
        allowed_batch_sizes: 32
        pad_variable_length_inputs: true
        """)

    assert parameters == BatchingParameters(
        max_batch_size=32,
        batch_timeout_micros=1500,
        max_enqueued_batches=7,
        num_batch_threads=3,
        thread_pool_name="pool",
        pad_variable_length_inputs=True,
        enable_large_batch_splitting=True,
        max_execution_batch_size=16,
        allowed_batch_sizes=(4, 32),
    )


def test_empty_file(read):
    """A file without fields is all defaults."""
    assert read("# nothing\n") == BatchingParameters()


def test_no_file():
    """Without a file all is defaults, but the threads have another name."""
    assert read_batching_file("") == BatchingParameters(
        thread_pool_name="model_server_batch_threads"
    )


def test_unused_size(read):
    """Without splitting the size of an execution means nothing, whatever it is."""
    parameters = read("""
        max_batch_size { value: 8 }
        max_execution_batch_size { value: 9 }
        """)

    assert parameters.rows_per_run == 8


def test_shipped_file():
    """The file that both servers are deployed with is readable."""
    parameters = read_batching_file(str(SHIPPED))

    assert parameters.rows_per_run <= parameters.max_batch_size


@pytest.mark.parametrize(
    "text, part",
    [
        ("max_batch_size: 32", "Invalid protobuf file"),
        ("unknown { value: 1 }", "Invalid protobuf file"),
        ("max_batch_size { value: 0 }", "max_batch_size expected at least 1"),
        ("batch_timeout_micros { value: -1 }", "expected at least 0"),
        (
            "max_batch_size { value: 8 } allowed_batch_sizes: 4",
            "Last entry in allowed_batch_sizes must match max_batch_size; "
            "last entry was 4; expected 8",
        ),
        (
            "max_batch_size { value: 8 } allowed_batch_sizes: [8, 4, 8]",
            "increasing",
        ),
        (
            "max_batch_size { value: 8 } max_execution_batch_size { value: 9 } "
            "enable_large_batch_splitting { value: true }",
            "received 9",
        ),
        (
            "max_batch_size { value: 8 } max_execution_batch_size { value: 4 } "
            "enable_large_batch_splitting { value: true } allowed_batch_sizes: 4",
            "last entry was 4; expected 8",
        ),
    ],
)
def test_refused(read, text, part):
    """A file that cannot be followed stops the start."""
    with pytest.raises(ServingError) as caught:
        read(text)

    assert caught.value.code is StatusCode.INVALID_ARGUMENT
    assert part in caught.value.message


def test_missing_file(tmp_path):
    """A file that is not there is told by its path."""
    with pytest.raises(ServingError) as caught:
        read_batching_file(str(tmp_path / "none"))

    assert str(tmp_path / "none") in caught.value.message
