"""Warm-up files: every kind of record is run before a version may be asked."""

from __future__ import annotations

import pytest
import tensorflow as tf
from grpc import StatusCode
from tensorflow_serving.apis import prediction_log_pb2

from serving.errors import ServingError
from serving.loader import LoadOptions, load_servable
from serving.settings import Settings
from serving.warmup import MAX_RECORDS, WARMUP_FILE, warm_up
from tests.integration.example_models import (
    build_counter,
    example,
    write_signatures,
)
from tests.integration.warmup_files import (
    LOGS,
    multi_inference_log,
    predict_log,
    write_warmup,
)


@pytest.fixture(name="folder")
def _folder(tmp_path):
    """A version folder whose signatures count their runs."""
    return write_signatures(tmp_path / "m" / "1", build_counter)


def load(folder, **flags):
    """Load and warm up; the model answers."""
    return load_servable(LoadOptions(settings=Settings(**flags)), folder)


def refusal(folder):
    """The (code, message) of a load that must fail."""
    with pytest.raises(ServingError) as caught:
        load(folder)
    return caught.value.code, caught.value.message


def count_runs(model):
    """How often the model was run before."""
    outputs = model.run(model.signature("count"), {}, ("count",), None)
    return outputs["count"].item() - 1


@pytest.mark.parametrize("iterations, runs", [(0, 4), (1, 4), (3, 12)])
def test_every_kind(folder, iterations, runs):
    """Each record is run as often as asked, and a MultiInference is one run."""
    write_warmup(folder, *[make(example(v=1.0)) for make in LOGS])

    model = load(folder, num_request_iterations_for_warmup=iterations)

    assert count_runs(model) == runs
    model.close()


@pytest.mark.parametrize("make", LOGS)
def test_failing_record(folder, make):
    """A record that fails keeps the version from being served, unless told not to."""
    write_warmup(folder, predict_log(example(v=1.0)), make(example(w=1.0)))

    code, message = refusal(folder)
    model = load(folder, enable_model_warmup=False)

    assert code is StatusCode.INVALID_ARGUMENT
    assert "Feature: v" in message
    assert count_runs(model) == 0
    model.close()


def test_unknown_signature(folder):
    """A record's signature counts, as it does in a call."""
    log = predict_log(example(v=1.0))
    log.predict_log.request.model_spec.signature_name = "nobody"
    write_warmup(folder, log)

    code, _ = refusal(folder)

    assert code is StatusCode.FAILED_PRECONDITION


def test_tasks_without_model(folder):
    """Tasks must name a model even here, where the name does not matter."""
    log = multi_inference_log(example(v=1.0))
    log.multi_inference_log.request.tasks[0].model_spec.name = ""
    write_warmup(folder, log)

    code, _ = refusal(folder)

    assert code is StatusCode.INVALID_ARGUMENT


def test_no_tasks(folder):
    """A MultiInference without tasks runs nothing and says so."""
    log = prediction_log_pb2.PredictionLog()
    log.multi_inference_log.SetInParent()
    write_warmup(folder, log)

    code, _ = refusal(folder)

    assert code is StatusCode.INVALID_ARGUMENT


def test_no_file(folder):
    """A folder without a warm-up file is fine."""
    model = load(folder)

    assert warm_up(model, folder, iterations=1) == 0
    assert count_runs(model) == 0
    model.close()


def test_empty_file(folder):
    """A file without records is fine, and so is a record without a call."""
    write_warmup(folder)
    empty = load(folder)
    write_warmup(folder, prediction_log_pb2.PredictionLog())
    blank = load(folder)

    assert count_runs(empty) == count_runs(blank) == 0
    empty.close()
    blank.close()


def test_other_format(folder):
    """A file that is no TFRecord is DATA_LOSS."""
    write_warmup(folder).write_bytes(b"no records at all, but long enough")

    code, message = refusal(folder)

    assert code is StatusCode.DATA_LOSS
    assert message.endswith("Please verify your warmup data is in TFRecord format.")


@pytest.mark.parametrize("cut", [1, 5, 20])
def test_truncated_file(folder, cut):
    """A file that ends within a record is DATA_LOSS."""
    path = write_warmup(folder, predict_log(example(v=1.0)))
    path.write_bytes(path.read_bytes()[:-cut])

    code, _ = refusal(folder)

    assert code is StatusCode.DATA_LOSS


def test_other_records(folder):
    """A TFRecord of something else is INVALID_ARGUMENT."""
    path = write_warmup(folder)
    with tf.io.TFRecordWriter(str(path)) as writer:
        writer.write(b"\xff\xff\xff")

    code, message = refusal(folder)

    assert code is StatusCode.INVALID_ARGUMENT
    assert str(path) in message


def test_unreadable_file(folder):
    """A folder where the file should be fails the load, not the server."""
    (folder / WARMUP_FILE).mkdir(parents=True)

    code, _ = refusal(folder)

    assert code is StatusCode.FAILED_PRECONDITION


def test_full_file(folder):
    """As many records as the limit are run."""
    write_warmup(folder, *[predict_log(example(v=1.0))] * MAX_RECORDS)

    model = load(folder)

    assert count_runs(model) == MAX_RECORDS
    model.close()


def test_too_many(folder):
    """One record more than the limit is refused."""
    write_warmup(folder, *[predict_log(example(v=1.0))] * (MAX_RECORDS + 1))

    code, message = refusal(folder)

    assert code is StatusCode.INVALID_ARGUMENT
    assert "exceeds the maximum (1000)" in message


def test_session_run_record(folder):
    """A record of raw session calls is UNIMPLEMENTED."""
    log = prediction_log_pb2.PredictionLog()
    log.session_run_log.SetInParent()
    write_warmup(folder, log)

    code, _ = refusal(folder)

    assert code is StatusCode.UNIMPLEMENTED
