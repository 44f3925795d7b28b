"""The Prometheus page: what is counted is what happened, under the known names."""

from __future__ import annotations

import json
import logging
import urllib.error
import urllib.request

import grpc
import numpy as np
import pytest
from tensorflow_serving.apis import (
    inference_pb2,
    model_management_pb2,
    predict_pb2,
)

from tests.integration.example_models import (
    REGRESS,
    build_half_plus_two,
    example,
    write_signatures,
)
from tests.integration.serving_calls import model_stub, predict, prediction_stub
from tests.integration.serving_models import build_half_plus, write_graph

TIMEOUT_SECONDS = 20
PATH = "/monitoring/prometheus/metrics"
PREFIX = ":tensorflow:serving:"


@pytest.fixture(name="base_path", scope="module")
def _base_path(tmp_path_factory):
    base_path = tmp_path_factory.mktemp("metrics") / "half"
    write_graph(base_path / "1", build_half_plus(2))
    return base_path


@pytest.fixture(name="config_file", scope="module")
def _config_file(tmp_path_factory):
    path = tmp_path_factory.mktemp("config") / "monitoring.config"
    path.write_text(
        f'prometheus_config: {{\n  enable: true,\n  path: "{PATH}"\n}}\n',
        encoding="utf-8",
    )
    return str(path)


@pytest.fixture(name="server")
def _server(start_model_server, base_path, config_file):
    """A server whose counts start at nothing."""
    return start_model_server(
        base_path, "half", monitoring_config_file=config_file, enable_batching=True
    )


def get(server, path, body=None):
    """(status, text) of one HTTP call."""
    url = f"http://localhost:{server.rest_port}{path}"
    try:
        with urllib.request.urlopen(url, body, TIMEOUT_SECONDS) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read().decode()


def read_lines(server):
    """{series with labels: value} of the page."""
    _, page = get(server, PATH)
    lines = [line for line in page.splitlines() if not line.startswith("#")]
    return {series: float(value) for series, value in (x.rsplit(" ", 1) for x in lines)}


def test_before_calls(server, base_path):
    """After the start the page tells the load, and the types of all that may come."""
    status, page = get(server, PATH)
    lines = page.splitlines()

    assert status == 200
    assert f"# TYPE {PREFIX}request_count counter" in lines
    assert f"# TYPE {PREFIX}request_latency histogram" in lines
    load = ":tensorflow:cc:saved_model:load_attempt_count"
    assert f'{load}{{model_path="{base_path}/1",status="success"}} 1' in lines
    assert not any(line.startswith(f"{PREFIX}request_count{{") for line in lines)


def test_calls(server):
    """Calls of both doors are counted by model and code, their runs by method."""
    predict(server, "half", x=np.float32([[1.0]]))
    body = json.dumps({"instances": [[1.0], [2.0]]}).encode()
    assert get(server, "/v1/models/half:predict", body)[0] == 200
    assert get(server, "/v1/models/half:predict", b"{}")[0] == 400

    lines = read_lines(server)

    count = f"{PREFIX}request_count"
    assert lines[f'{count}{{model_name="half",status="OK"}}'] == 2
    assert lines[f'{count}{{model_name="half",status="INVALID_ARGUMENT"}}'] == 1
    latency = f'{PREFIX}request_latency_count{{model_name="half",API='
    assert lines[f'{latency}"Predict",entrypoint="GRPC"}}'] == 1
    assert lines[f'{latency}"predict",entrypoint="REST"}}'] == 1
    runtime = f'{PREFIX}runtime_latency_count{{model_name="half",API="Predict"'
    assert lines[f'{runtime},runtime="TF1"}}'] == 2
    assert lines[":tensorflow:core:graph_runs{}"] == 2
    assert lines[":tensorflow:core:direct_session_runs{}"] == 2
    batching = f"{PREFIX}batching_session:"
    assert lines[f"{batching}wrapped_run_count{{}}"] == 2
    assert lines[f"{batching}processed_batch_size_sum{{}}"] == 3


def test_unknown_names(server):
    """Names that nobody serves do not grow the page, by whatever door they come."""
    with prediction_stub(server) as stub:
        for number in range(20):
            request = predict_pb2.PredictRequest()
            request.model_spec.name = f"no-such-model-{number}"
            with pytest.raises(grpc.RpcError):
                stub.Predict(request, timeout=TIMEOUT_SECONDS)
            assert get(server, f"/v1/models/no-such-model-{number}")[0] == 404

    counts = {
        series: value
        for series, value in read_lines(server).items()
        if "request_count" in series
    }

    name = 'model_name="_unknown_",status="NOT_FOUND"'
    assert counts == {f"{PREFIX}request_count{{{name}}}": 40}


def test_reload_metric(server, base_path):
    """A reload says by how much a metric rose meanwhile, and 0 for an unknown one."""
    request = model_management_pb2.ReloadConfigRequest()
    for name in ("half", "second"):
        request.config.model_config_list.config.add(
            name=name, base_path=str(base_path), model_platform="tensorflow"
        )
    load = "/tensorflow/cc/saved_model/load_attempt_count"
    request.metric_names.extend([load, "/no/such/metric"])

    with model_stub(server) as stub:
        response = stub.HandleReloadConfigRequest(request, timeout=TIMEOUT_SECONDS)

    rises = {metric.name: metric.int64_value_increase for metric in response.metric}
    assert rises == {load: 1, "/no/such/metric": 0}


def test_off(start_model_server, base_path):
    """Without the config file there is no page."""
    server = start_model_server(base_path, "half")

    assert get(server, PATH)[0] == 404


@pytest.mark.parametrize(
    "text, found",
    [
        ("prometheus_config { enable: true }", {PATH}),
        ("prometheus_config { enable: true path: '/m' }", {"/m"}),
        ("prometheus_config { enable: false }", set()),
        ("prometheus_config {}", set()),
    ],
)
def test_path(start_model_server, base_path, tmp_path, text, found):
    """The file says whether and where the page is."""
    config = tmp_path / "monitoring.config"
    config.write_text(text, encoding="utf-8")
    server = start_model_server(base_path, "half", monitoring_config_file=str(config))

    pages = {path for path in (PATH, "/m") if get(server, path)[0] == 200}
    assert pages == found


def test_request_log(start_model_server, base_path, caplog):
    """On demand each call is a line of the log."""
    quiet = start_model_server(base_path, "half")
    server = start_model_server(base_path, "half", log_requests=True)

    with caplog.at_level(logging.INFO, logger="serving.calls"):
        predict(quiet, "half", x=np.float32([[1.0]]))
        predict(server, "half", x=np.float32([[1.0]]))
        get(server, "/v1/models/nobody's")

    first, second = (record.getMessage() for record in caplog.records)
    assert "entrypoint=GRPC method=Predict model='half' code=OK" in first
    assert "entrypoint=REST" in second
    assert "code=NOT_FOUND" in second


def test_examples(start_model_server, tmp_path, config_file):
    """The examples of a MultiInference call are counted."""
    write_signatures(tmp_path / "1", build_half_plus_two)
    server = start_model_server(tmp_path, "half", monitoring_config_file=config_file)
    request = inference_pb2.MultiInferenceRequest()
    request.tasks.add(method_name=REGRESS).model_spec.name = "half"
    request.tasks[0].model_spec.signature_name = "regress_x_to_y"
    request.input.example_list.examples.extend([example(x=1.0)] * 3)

    with prediction_stub(server) as stub:
        stub.MultiInference(request, timeout=TIMEOUT_SECONDS)

    lines = read_lines(server)
    assert lines[f'{PREFIX}request_example_count_total{{model="half"}}'] == 3
    assert lines[f'{PREFIX}request_example_counts_count{{model="half"}}'] == 1
