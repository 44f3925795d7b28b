"""What is counted, and for whom."""

from __future__ import annotations

from pathlib import Path

import pytest
from grpc import StatusCode
from prometheus_client.parser import text_string_to_metric_families

from serving.batch_rows import BatchRun
from serving.calls import Call
from serving.metrics import UNKNOWN_MODEL, Metrics


def make_call(**changes):
    """A successful Predict of 2 ms over gRPC, or one that differs from that."""
    usual = {
        "entrypoint": "GRPC",
        "method": "Predict",
        "model": "pizza",
        "code": StatusCode.OK,
        "seconds": 0.002,
    }
    return Call(**{**usual, **changes})


def read_samples(metrics):
    """Every sample of the page: {(name, labels as sorted pairs): value}.

    The parser puts _total behind the names of counters; that is taken off again.
    """
    return {
        (
            sample.name.removesuffix("_total"),
            tuple(sorted(sample.labels.items())),
        ): sample.value
        for family in text_string_to_metric_families(metrics.page())
        for sample in family.samples
    }


def test_call():
    """A successful call is counted and timed in microseconds."""
    metrics = Metrics()
    metrics.note_call(make_call())

    samples = read_samples(metrics)

    labels = (("model_name", "pizza"), ("status", "OK"))
    assert samples[(":tensorflow:serving:request_count", labels)] == 1
    labels = (("API", "Predict"), ("entrypoint", "GRPC"), ("model_name", "pizza"))
    assert samples[(":tensorflow:serving:request_latency_sum", labels)] == 2000


def test_failed_call():
    """A failed call is counted under its code and not timed."""
    metrics = Metrics()
    metrics.note_call(make_call(code=StatusCode.INVALID_ARGUMENT))

    samples = read_samples(metrics)

    labels = (("model_name", "pizza"), ("status", "INVALID_ARGUMENT"))
    assert samples == {(":tensorflow:serving:request_count", labels): 1}


@pytest.mark.parametrize(
    "method", ["GetModelStatus", "GetModelMetadata", "MultiInference"]
)
def test_uncounted_call(method):
    """Over gRPC only Predict, Classify and Regress are counted, as there."""
    metrics = Metrics()
    metrics.note_call(make_call(method=method))

    assert not read_samples(metrics)


def test_rest_call():
    """Over REST every call is counted, one without a model under no name."""
    metrics = Metrics(is_served=lambda name: False)
    metrics.note_call(
        make_call(
            entrypoint="REST", method="", model="", code=StatusCode.INVALID_ARGUMENT
        )
    )

    labels = (("model_name", ""), ("status", "INVALID_ARGUMENT"))
    assert read_samples(metrics) == {(":tensorflow:serving:request_count", labels): 1}


def test_unknown_models():
    """A thousand names that nobody serves make one series."""
    metrics = Metrics(is_served=lambda name: name == "pizza")
    for number in range(1000):
        metrics.note_call(make_call(model=f"m{number}", code=StatusCode.NOT_FOUND))

    labels = (("model_name", UNKNOWN_MODEL), ("status", "NOT_FOUND"))
    samples = read_samples(metrics)
    assert samples == {(":tensorflow:serving:request_count", labels): 1000}


def test_batch():
    """A merged run counts once, its tasks each with their wait and rows."""
    metrics = Metrics()
    run = BatchRun(queuing_seconds=(0.001, 0.003), input_rows=(1, 2), rows=4, padding=1)
    metrics.note_batch("pool", run)

    samples = read_samples(metrics)

    batching = ":tensorflow:serving:batching_session:"
    pool = (("thread_pool_name", "pool"),)
    assert samples[(f"{batching}wrapped_run_count", ())] == 1
    assert samples[(f"{batching}queuing_latency_sum", pool)] == 4000
    assert samples[(f"{batching}input_batch_size_count", ())] == 2
    assert samples[(f"{batching}processed_batch_size_sum", ())] == 4
    size = (("execution_batch_size", "4"),)
    assert samples[(f"{batching}padding_size_sum", size)] == 1


def test_load():
    """Attempts are counted by outcome; only the time of a good one is added."""
    metrics = Metrics()
    metrics.note_load(Path("/m/1"), 0.5, is_loaded=True)
    metrics.note_load(Path("/m/1"), 0.5, is_loaded=False)

    samples = read_samples(metrics)

    name = ":tensorflow:cc:saved_model:load_attempt_count"
    assert samples[(name, (("model_path", "/m/1"), ("status", "success")))] == 1
    assert samples[(name, (("model_path", "/m/1"), ("status", "fail")))] == 1
    name = ":tensorflow:cc:saved_model:load_latency"
    assert samples[(name, (("model_path", "/m/1"),))] == 500_000


def test_warmup_runs_and_examples():
    """Warm-up, session runs, model time and examples each have their family."""
    metrics = Metrics()
    metrics.note_warmup(Path("/m/1"), 3, 0.25, StatusCode.OK)
    metrics.note_run(0.01)
    metrics.note_runtime("pizza", "Predict", 0.01)
    metrics.note_examples("pizza", 7)

    assert metrics.value("/tensorflow/serving/model_warmup_records_read") == 3
    assert metrics.value("/tensorflow/serving/model_warmup_latency") == 1
    assert metrics.value("/tensorflow/core/graph_runs") == 1
    assert metrics.value("/tensorflow/core/direct_session_runs") == 1
    assert metrics.value("/tensorflow/core/graph_run_time_usecs") == 10_000
    assert metrics.value("/tensorflow/serving/runtime_latency") == 1
    assert metrics.value("/tensorflow/serving/request_example_count_total") == 7


def test_other_engine():
    """A run of OpenVINO is none of TensorFlow's, and says how it was computed."""
    metrics = Metrics()
    metrics.note_openvino_run("bf16", 0.0025)

    samples = read_samples(metrics)

    labels = (("engine", "openvino"), ("precision", "bf16"))
    assert samples == {
        (":serving:engine:run_count", labels): 1,
        (":serving:engine:run_time_usecs", labels): 2500,
    }


def test_types_always():
    """Each family shows its type before anything happened, in order of name."""
    lines = Metrics().page().splitlines()

    families = [line.removeprefix("# TYPE ") for line in lines]
    ours = [name for name in families if not name.startswith(":tensorflow:")]
    assert ours and all(name.startswith(":serving:engine:") for name in ours)
    assert lines == sorted(lines)
    assert Metrics().value("/no/such/metric") == 0
