"""Folders that do not load, warm-up files, ranks that end a process."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf
from grpc import StatusCode
from tensorflow_serving.apis import prediction_log_pb2

from serving.errors import ServingError
from serving.loader import load_servable
from serving.saved_model import SessionOptions, load_saved_model
from serving.settings import Settings
from serving.warmup import MAX_RECORDS, WARMUP_FILE, warm_up
from tests.integration.serving_calls import predict_request
from tests.integration.serving_models import (
    build_check,
    build_half_plus,
    write_graph,
)


@pytest.fixture(name="folder")
def _folder(tmp_path):
    """A version folder with variables: y = x / 2 + 1."""
    return write_graph(tmp_path / "m" / "1", build_half_plus(1))


def load(folder, tags=("serve",)):
    """Load with the default session."""
    return load_saved_model(folder, tags, SessionOptions())


def write_warmup(folder, *logs):
    """Write the folder's warm-up file."""
    path = folder / WARMUP_FILE
    path.parent.mkdir(exist_ok=True)
    with tf.io.TFRecordWriter(str(path)) as writer:
        for log in logs:
            writer.write(log.SerializeToString())


def predict_log(*values):
    """A record that calls x with the values, for a model of another name."""
    log = prediction_log_pb2.PredictionLog()
    request = predict_request("somebody", version=99, x=np.float32(values))
    log.predict_log.request.CopyFrom(request)
    return log


def test_no_model(tmp_path):
    """A folder without saved_model.pb is NOT_FOUND and says which folder."""
    with pytest.raises(ServingError) as caught:
        load(tmp_path)

    assert caught.value.code is StatusCode.NOT_FOUND
    assert caught.value.message == (
        "Specified file path does not appear to contain a SavedModel bundle (should "
        f"have a file called `saved_model.pb`)\nSpecified file path: {tmp_path}"
    )


def test_session_bundle(tmp_path):
    """TensorFlow's format before SavedModel is UNIMPLEMENTED."""
    (tmp_path / "export.meta").touch()

    with pytest.raises(ServingError) as caught:
        load(tmp_path)

    assert caught.value.code is StatusCode.UNIMPLEMENTED


def test_damaged_graph(folder):
    """A saved_model.pb that is no message is DATA_LOSS."""
    (folder / "saved_model.pb").write_bytes(b"\xff" * 100)

    with pytest.raises(ServingError) as caught:
        load(folder)

    assert caught.value.code is StatusCode.DATA_LOSS


def test_missing_variables(folder):
    """Variables without data are NOT_FOUND, as TensorFlow says it."""
    (folder / "variables" / "variables.data-00000-of-00001").unlink()

    with pytest.raises(ServingError) as caught:
        load(folder)

    assert caught.value.code is StatusCode.NOT_FOUND


def test_wrong_tags(folder):
    """A meta graph of other tags is NOT_FOUND."""
    with pytest.raises(ServingError) as caught:
        load(folder, tags=("serve", "gpu"))

    assert caught.value.code is StatusCode.NOT_FOUND
    assert "{ serve gpu }" in caught.value.message


def test_unknown_operation(folder):
    """A graph with an operation TensorFlow does not have is refused, not fatal."""
    path = folder / "saved_model.pb"
    data = path.read_bytes()
    path.write_bytes(data.replace(b"\x05AddV2", b"\x05AddV9"))

    with pytest.raises(ServingError):
        load(folder)

    assert b"\x05AddV2" in data


def test_timeout(tmp_path):
    """A run that takes too long is DEADLINE_EXCEEDED, whoever waits."""

    def build():
        limit = tf.compat.v1.placeholder(tf.int64, [], "limit")
        count = tf.while_loop(lambda i: i < limit, lambda i: i + 1, [tf.int64.min // 2])
        return {"limit": limit}, {"count": tf.identity(count, name="count")}

    model = load(write_graph(tmp_path / "1", build))
    signature = model.signature("")

    with pytest.raises(ServingError) as caught:
        model.run(signature, {"limit": np.int64(0)}, ["count"], timeout_seconds=0.05)
    model.close()

    assert caught.value.code is StatusCode.DEADLINE_EXCEEDED


def test_warm_up(folder):
    """Every record is run; the model name and version in it do not matter."""
    write_warmup(folder, predict_log(1), predict_log(2, 3))
    model = load_servable(Settings(), None, folder)

    assert warm_up(model, folder, iterations=2) == 2


def test_no_warm_up(folder):
    """A folder without a warm-up file is fine."""
    model = load_servable(Settings(), None, folder)

    assert warm_up(model, folder, iterations=1) == 0


def test_failing_warm_up(tmp_path):
    """A record that fails keeps the version from being served, unless told not to."""
    folder = write_graph(tmp_path / "1", build_check)
    write_warmup(folder, predict_log(-1))

    with pytest.raises(ServingError) as caught:
        load_servable(Settings(), None, folder)
    load_servable(Settings(enable_model_warmup=False), None, folder).close()

    assert caught.value.code is StatusCode.INVALID_ARGUMENT
    assert "not positive" in caught.value.message


def test_damaged_warm_up(folder):
    """A warm-up file of another format is DATA_LOSS."""
    write_warmup(folder)
    (folder / WARMUP_FILE).write_bytes(b"no records at all, but long enough")

    with pytest.raises(ServingError) as caught:
        load_servable(Settings(), None, folder)

    assert caught.value.code is StatusCode.DATA_LOSS
    assert caught.value.message.endswith(
        "Please verify your warmup data is in TFRecord format."
    )


def test_unreadable_warm_up(folder):
    """A folder where the warm-up file should be fails the load, not the server."""
    (folder / WARMUP_FILE).mkdir(parents=True)

    with pytest.raises(ServingError) as caught:
        load_servable(Settings(), None, folder)

    assert caught.value.code is StatusCode.DATA_LOSS


def test_too_much_warm_up(folder):
    """More records than the limit are refused."""
    write_warmup(folder, *[predict_log(1)] * (MAX_RECORDS + 1))

    with pytest.raises(ServingError) as caught:
        load_servable(Settings(), None, folder)

    assert caught.value.code is StatusCode.INVALID_ARGUMENT


def test_session_run_record(folder):
    """A record of raw session calls is UNIMPLEMENTED."""
    log = prediction_log_pb2.PredictionLog()
    log.session_run_log.SetInParent()
    write_warmup(folder, log)

    with pytest.raises(ServingError) as caught:
        load_servable(Settings(), None, folder)

    assert caught.value.code is StatusCode.UNIMPLEMENTED
