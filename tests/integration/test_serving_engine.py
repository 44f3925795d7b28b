"""--engine=openvino beside --engine=tensorflow: the same API, answers and errors."""

from __future__ import annotations

import logging
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from grpc import StatusCode
from tensorflow_serving.apis import get_model_metadata_pb2

from serving.errors import ServingError
from serving.openvino_engine import FLOAT32, open_engine
from serving.settings import Settings
from tests.integration.engine_servers import (
    ENGINES,
    TIMEOUT_SECONDS,
    count_runs,
    outcome,
    write_monitoring,
)
from tests.integration.serving_calls import (
    predict,
    predict_request,
    prediction_stub,
)
from tests.tiny_model import LABELS, tiny_contract, write_tiny_model

# softmax(1, 0, 0): what write_tiny_model says of a picture of one color, that color
# first.
SURE, OTHER = np.e / (np.e + 2), 1 / (np.e + 2)


def paint(color, count=1):
    """Pictures of one color: uint8 (count, 8, 10, 3); color is 0, 1 or 2."""
    images = np.zeros((count, 8, 10, 3), np.uint8)
    images[..., color] = 255
    return images


def expect(color, count=1):
    """The scores of paint(color, count)."""
    scores = np.full((count, len(LABELS)), OTHER, np.float32)
    scores[:, color] = SURE
    return scores


@pytest.fixture(name="base_path", scope="module")
def _base_path(tmp_path_factory):
    base_path = tmp_path_factory.mktemp("engines") / "tiny"
    write_tiny_model(base_path)
    return base_path


@pytest.fixture(name="servers", scope="module")
def _servers(start_model_server, base_path, tmp_path_factory):
    """A server of each engine over the same folder, by the engine's name."""
    monitoring = write_monitoring(tmp_path_factory.mktemp("monitoring"))
    return {
        engine: start_model_server(
            base_path,
            engine=engine,
            enable_batching=True,
            monitoring_config_file=monitoring,
        )
        for engine in ENGINES
    }


@pytest.mark.parametrize("engine", ENGINES)
def test_scores(servers, engine):
    """Scores are right, and it is the engine asked for that computed them."""
    server = servers[engine]
    before = count_runs(server)

    _, outputs = predict(server, "tiny", images=paint(1, count=3))

    np.testing.assert_allclose(outputs["scores"], expect(1, count=3), atol=1e-6)
    after = count_runs(server)
    assert {name: after[name] - before[name] for name in ENGINES} == {
        name: int(name == engine) for name in ENGINES
    }


@pytest.mark.parametrize("engine", ENGINES)
def test_two_outputs(servers, engine):
    """A signature with two outputs gives both; the heatmap is red / 255."""
    _, outputs = predict(servers[engine], "tiny", signature="explain", images=paint(0))

    np.testing.assert_allclose(outputs["scores"], expect(0), atol=1e-6)
    np.testing.assert_allclose(outputs["heatmap"], np.ones((1, 8, 10)), atol=1e-6)


@pytest.mark.parametrize("engine", ENGINES)
def test_output_filter(servers, engine):
    """One of two outputs is given where one is asked for."""
    request = predict_request("tiny", signature="explain", images=paint(0))
    request.output_filter.append("heatmap")

    outputs = outcome(servers[engine], request)

    assert list(outputs) == ["heatmap"]
    np.testing.assert_allclose(outputs["heatmap"], np.ones((1, 8, 10)), atol=1e-6)


@pytest.mark.parametrize("engine", ENGINES)
def test_contract(servers, engine):
    """A signature without inputs, of text, answers as ever."""
    _, outputs = predict(servers[engine], "tiny", signature="contract")

    assert outputs["contract"].item().decode() == tiny_contract().to_json()


@pytest.mark.parametrize("engine", ENGINES)
def test_own_answers(servers, engine):
    """Many callers at once, each with rows of its own: each gets its own scores."""
    server = servers[engine]

    def call(number):
        color, count = number % 3, 1 + number % 4
        _, outputs = predict(server, "tiny", images=paint(color, count))
        return color, count, outputs["scores"]

    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(call, range(64)))

    for color, count, scores in answers:
        np.testing.assert_allclose(scores, expect(color, count), atol=1e-6)


@pytest.mark.parametrize(
    "images",
    [
        paint(0)[0],
        paint(0)[:, :, :, 0],
        paint(0)[None],
        np.zeros((1, 8, 10, 4), np.uint8),
        np.zeros((2, 9, 7, 3), np.uint8),
        np.zeros((0, 8, 10, 3), np.uint8),
        np.zeros((1, 8, 10, 3), np.float32),
        np.array([b"red"], np.object_),
    ],
    ids=lambda images: f"{images.dtype}{list(images.shape)}",
)
def test_odd_inputs(servers, images):
    """What does not fit gets the very answer or error that TensorFlow gives."""
    request = predict_request("tiny", images=images)

    expected, found = (outcome(servers[engine], request) for engine in ENGINES)

    assert expected == found
    _, outputs = predict(servers["openvino"], "tiny", images=paint(2))
    np.testing.assert_allclose(outputs["scores"], expect(2), atol=1e-6)


def test_metadata(servers):
    """What the model says of itself does not depend on who runs it."""
    request = get_model_metadata_pb2.GetModelMetadataRequest()
    request.model_spec.name = "tiny"
    request.metadata_field.append("signature_def")

    answers = []
    for engine in ENGINES:
        with prediction_stub(servers[engine]) as stub:
            answer = stub.GetModelMetadata(request, timeout=TIMEOUT_SECONDS)
        signatures = get_model_metadata_pb2.SignatureDefMap()
        assert answer.metadata["signature_def"].Unpack(signatures)
        answers.append(signatures)

    assert answers[0] == answers[1]
    assert set(answers[0].signature_def) == {"serving_default", "explain", "contract"}


@pytest.mark.parametrize("engine", ENGINES)
def test_new_version(start_model_server, tmp_path, engine, caplog):
    """A new version takes over and is run by the same engine; the old one goes."""
    aside, base_path = tmp_path / "aside", tmp_path / "tiny"
    write_tiny_model(base_path)
    write_tiny_model(aside, version=2, contract=tiny_contract(labels=("a", "b")))
    monitoring = write_monitoring(tmp_path)
    with caplog.at_level(logging.INFO, logger="serving"):
        server = start_model_server(
            base_path, engine=engine, monitoring_config_file=monitoring
        )
        (aside / "2").rename(base_path / "2")
        assert server.wait_until(
            lambda: "version=1 state=END" in caplog.text, TIMEOUT_SECONDS
        )
        before = count_runs(server)[engine]

    version, outputs = predict(server, "tiny", images=paint(0))

    assert (version, outputs["scores"].shape) == (2, (1, 2))
    assert count_runs(server)[engine] == before + 1
    told = [x for x in caplog.text.splitlines() if "event=engine " in x]
    assert len(told) == (2 if engine == "openvino" else 0)
    for line in told:
        assert "openvino=explain,serving_default tensorflow=contract" in line
    server.stop()


def test_missing_package(monkeypatch):
    """Without the package the server does not start, and says what to install."""
    monkeypatch.setitem(sys.modules, "openvino", None)

    with pytest.raises(ServingError, match="package openvino.*serving-openvino"):
        open_engine(Settings(engine="openvino"))

    assert open_engine(Settings()) is None


def test_missing_package_process(tmp_path):
    """The same as a process: one sentence on stdout, exit code 255, no traceback."""
    hide = "import sys; sys.modules['openvino'] = None; "
    run = "from serving.__main__ import main, end_process; "
    flags = ["--engine=openvino", "--port=-1", f"--model_base_path={tmp_path}"]
    code = f"{hide}{run}end_process(main({flags!r}))"

    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        timeout=150,
        check=False,
    )

    assert done.returncode == 255
    assert "Error: FAILED_PRECONDITION: --engine=openvino expected" in done.stdout
    assert "Traceback" not in done.stdout + done.stderr


def test_precision():
    """Without --mixed_precision the engine computes in float32, whatever it prefers."""
    engine = open_engine(Settings(engine="openvino"))

    assert engine.precision == FLOAT32


def test_unknown_engine():
    """An engine that does not exist stops the start."""
    with pytest.raises(ServingError, match="--engine expected.*'onnx'") as caught:
        Settings(engine="onnx").check()

    assert caught.value.code is StatusCode.INVALID_ARGUMENT
