"""What the server counts, under the names TensorFlow Serving gives it.

Knows what is worth counting; metric_family.py knows how a series is kept and written.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from grpc import StatusCode

from serving.batch_rows import BatchRun
from serving.calls import Call
from serving.metric_family import MetricFamily, exponential

# A client's invention makes no series: every name that is not served is this one.
UNKNOWN_MODEL = "_unknown_"
_COUNTED_OVER_GRPC = frozenset({"Predict", "Classify", "Regress"})
_RUNTIME = "TF1"

# Source of the limits: util.cc, saved_model_warmup_util.cc and batching_session.cc of
# TensorFlow Serving. Latencies in microseconds; those of rows are ours.
_LATENCY = exponential(10, 1.8, 33)
_QUEUING = exponential(100, 1.2, 52)
_EXAMPLES = exponential(1, 2, 15)
_ROWS = exponential(1, 2, 14)

_REQUESTS = "/tensorflow/serving/request_count"
_REQUEST_LATENCY = "/tensorflow/serving/request_latency"
_RUNTIME_LATENCY = "/tensorflow/serving/runtime_latency"
_EXAMPLE_COUNTS = "/tensorflow/serving/request_example_counts"
_EXAMPLE_TOTAL = "/tensorflow/serving/request_example_count_total"
_WARMUP_LATENCY = "/tensorflow/serving/model_warmup_latency"
_WARMUP_RECORDS = "/tensorflow/serving/model_warmup_records_read"
_QUEUING_LATENCY = "/tensorflow/serving/batching_session/queuing_latency"
_BATCH_RUNS = "/tensorflow/serving/batching_session/wrapped_run_count"
_INPUT_ROWS = "/tensorflow/serving/batching_session/input_batch_size"
_PROCESSED_ROWS = "/tensorflow/serving/batching_session/processed_batch_size"
_PADDING_ROWS = "/tensorflow/serving/batching_session/padding_size"
_LOADS = "/tensorflow/cc/saved_model/load_attempt_count"
_LOAD_TIME = "/tensorflow/cc/saved_model/load_latency"
_GRAPH_RUNS = "/tensorflow/core/graph_runs"
_GRAPH_TIME = "/tensorflow/core/graph_run_time_usecs"
_SESSION_RUNS = "/tensorflow/core/direct_session_runs"
# Ours: runs that were not TensorFlow's.
_ENGINE_RUNS = "/serving/engine/run_count"
_ENGINE_TIME = "/serving/engine/run_time_usecs"


def _create_families() -> dict[str, MetricFamily]:
    families = (
        MetricFamily(_REQUESTS, ("model_name", "status")),
        MetricFamily(_REQUEST_LATENCY, ("model_name", "API", "entrypoint"), _LATENCY),
        MetricFamily(_RUNTIME_LATENCY, ("model_name", "API", "runtime"), _LATENCY),
        MetricFamily(_EXAMPLE_COUNTS, ("model",), _EXAMPLES),
        MetricFamily(_EXAMPLE_TOTAL, ("model",)),
        MetricFamily(_WARMUP_LATENCY, ("model_path", "status"), _LATENCY),
        MetricFamily(_WARMUP_RECORDS, ("model_path",)),
        MetricFamily(_QUEUING_LATENCY, ("thread_pool_name",), _QUEUING),
        MetricFamily(_BATCH_RUNS),
        MetricFamily(_INPUT_ROWS, (), _ROWS),
        MetricFamily(_PROCESSED_ROWS, (), _ROWS),
        MetricFamily(_PADDING_ROWS, ("execution_batch_size",), _ROWS),
        MetricFamily(_LOADS, ("model_path", "status")),
        MetricFamily(_LOAD_TIME, ("model_path",)),
        MetricFamily(_GRAPH_RUNS),
        MetricFamily(_GRAPH_TIME),
        MetricFamily(_SESSION_RUNS),
        MetricFamily(_ENGINE_RUNS, ("engine", "precision")),
        MetricFamily(_ENGINE_TIME, ("engine", "precision")),
    )
    return {family.name: family for family in families}


class Metrics:
    """Every series of one server; to be told from any thread, times in seconds."""

    def __init__(self, is_served: Callable[[str], bool] = lambda name: True) -> None:
        """is_served: whether the server has a model of that name."""
        self._is_served = is_served
        self._families = _create_families()

    def note_call(self, call: Call) -> None:
        """An answered call; over gRPC only those for a model's answer count."""
        if call.entrypoint == "GRPC" and call.method not in _COUNTED_OVER_GRPC:
            return
        model = call.model
        if model and not self._is_served(model):
            model = UNKNOWN_MODEL
        self._add(_REQUESTS, 1, model, call.code.name)
        if call.code is StatusCode.OK:
            self._add_time(
                _REQUEST_LATENCY, call.seconds, model, call.method, call.entrypoint
            )

    def note_runtime(self, model: str, method: str, seconds: float) -> None:
        """The part of a successful call that the model itself took, its queue too."""
        self._add_time(_RUNTIME_LATENCY, seconds, model, method, _RUNTIME)

    def note_examples(self, model: str, count: int) -> None:
        """The examples of one MultiInference call."""
        self._add(_EXAMPLE_COUNTS, count, model)
        self._add(_EXAMPLE_TOTAL, count, model)

    def note_run(self, seconds: float) -> None:
        """One run of a session."""
        self._add(_GRAPH_RUNS, 1)
        self._add(_SESSION_RUNS, 1)
        self._add(_GRAPH_TIME, int(seconds * 1e6))

    def note_openvino_run(self, precision: str, seconds: float) -> None:
        """One run of a graph that OpenVINO took over from TensorFlow."""
        self._add(_ENGINE_RUNS, 1, "openvino", precision)
        self._add(_ENGINE_TIME, int(seconds * 1e6), "openvino", precision)

    def note_batch(self, thread_pool_name: str, run: BatchRun) -> None:
        """One merged run of several calls."""
        for seconds in run.queuing_seconds:
            self._add_time(_QUEUING_LATENCY, seconds, thread_pool_name)
        for rows in run.input_rows:
            self._add(_INPUT_ROWS, rows)
        self._add(_BATCH_RUNS, 1)
        self._add(_PROCESSED_ROWS, run.rows)
        self._add(_PADDING_ROWS, run.padding, str(run.rows))

    def note_load(self, folder: Path, seconds: float, is_loaded: bool) -> None:
        """One attempt to load a version folder, its warm-up not counted."""
        self._add(_LOADS, 1, str(folder), "success" if is_loaded else "fail")
        if is_loaded:
            self._add(_LOAD_TIME, int(seconds * 1e6), str(folder))

    def note_warmup(
        self, folder: Path, records: int, seconds: float, code: StatusCode
    ) -> None:
        """One run of a version's warm-up file."""
        self._add_time(_WARMUP_LATENCY, seconds, str(folder), code.name)
        self._add(_WARMUP_RECORDS, records, str(folder))

    def value(self, name: str) -> int:
        """The sum over a family's series; 0 for a name that is none."""
        family = self._families.get(name)
        return int(family.total()) if family else 0

    def page(self) -> str:
        """Prometheus' text format, the families in the order of their names."""
        families = (self._families[name] for name in sorted(self._families))
        return "".join(f"{line}\n" for family in families for line in family.lines())

    def _add(self, name: str, amount: float, *labels: str) -> None:
        self._families[name].add(amount, *labels)

    def _add_time(self, name: str, seconds: float, *labels: str) -> None:
        self._add(name, seconds * 1e6, *labels)
