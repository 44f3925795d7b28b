"""How sessions are set up: the file, and the flags on top."""

from __future__ import annotations

import pytest

from serving.errors import ServingError
from serving.session_config import read_session_config
from serving.settings import Settings


def read_threads(**flags):
    """(threads inside an op, ops at once) for these flags."""
    config = read_session_config(Settings(**flags))
    return config.intra_op_parallelism_threads, config.inter_op_parallelism_threads


@pytest.fixture(name="file")
def _file(tmp_path):
    path = tmp_path / "session.config"
    path.write_text(
        "intra_op_parallelism_threads: 3 inter_op_parallelism_threads: 5 "
        "use_per_session_threads: true",
        encoding="utf-8",
    )
    return str(path)


@pytest.mark.parametrize(
    "flags, threads",
    [
        ({}, (1, 0)),
        ({"tensorflow_session_parallelism": 4}, (4, 4)),
        ({"tensorflow_intra_op_parallelism": 2}, (2, 0)),
        ({"tensorflow_inter_op_parallelism": 2}, (1, 2)),
    ],
)
def test_flags(flags, threads):
    """Without a file the flags alone decide; one thread inside an op is the default."""
    assert read_threads(**flags) == threads


@pytest.mark.parametrize(
    "flags, threads",
    [
        ({}, (3, 5)),
        ({"tensorflow_session_parallelism": 4}, (4, 4)),
        ({"tensorflow_inter_op_parallelism": 2}, (3, 2)),
    ],
)
def test_file(file, flags, threads):
    """A flag wins over the file, the file over the default."""
    assert read_threads(tensorflow_session_config_file=file, **flags) == threads


def test_other_fields(file):
    """Whatever else the file says is kept; GPUs stay out."""
    config = read_session_config(Settings(tensorflow_session_config_file=file))

    assert config.use_per_session_threads
    assert config.device_count["GPU"] == 0


@pytest.mark.parametrize("text", ["no_such_field: 1", "intra_op: {"])
def test_bad_file(tmp_path, text):
    """A file that is no ConfigProto stops the start."""
    path = tmp_path / "session.config"
    path.write_text(text, encoding="utf-8")

    with pytest.raises(ServingError):
        read_session_config(Settings(tensorflow_session_config_file=str(path)))
