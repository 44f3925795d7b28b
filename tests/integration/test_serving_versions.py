"""New and broken version folders under a running server; configurations of several."""

from __future__ import annotations

import shutil
import threading
from concurrent.futures import ThreadPoolExecutor

import grpc
import numpy as np
import pytest

from serving.errors import ServingError
from serving.model_config import read_model_configs
from serving.served_model import ModelConfig
from serving.settings import Settings
from tests.integration.serving_calls import (
    TIMEOUT_SECONDS,
    predict,
    predict_request,
    prediction_stub,
    read_response,
    refusal,
)
from tests.integration.serving_models import build_half_plus, write_graph
from tests.integration.serving_reloads import status

CALLERS = 4
# Calls of one caller after a swap is seen, so that the old version is really gone.
CALLS_AFTER_SWAP = 25
MAX_CALLS = 20_000


def publish(base_path, version, amount):
    """Write a version aside and rename it, as training does; y = x / 2 + amount."""
    aside = base_path.parent / f"{base_path.name}-{version}"
    write_graph(aside, build_half_plus(amount))
    base_path.mkdir(exist_ok=True)
    aside.rename(base_path / str(version))


def call_until_swapped(server, has_begun):
    """Call until version 2 has answered often enough; all (version, y) in order."""
    request = predict_request("m", x=np.float32([0]))
    answers, after_swap = [], 0
    with prediction_stub(server) as stub:
        while after_swap < CALLS_AFTER_SWAP and len(answers) < MAX_CALLS:
            response = stub.Predict(request, timeout=TIMEOUT_SECONDS)
            version, outputs = read_response(response)
            answers.append((version, outputs["y"].item()))
            after_swap += version == 2
            has_begun.set()
    return answers


@pytest.mark.parametrize("enable_batching", [False, True])
def test_hot_swap(start_model_server, tmp_path, enable_batching):
    """A new version takes over under load; no call fails, none gets a mixed answer."""
    base_path = tmp_path / "m"
    publish(base_path, 1, amount=10)
    server = start_model_server(base_path, name="m", enable_batching=enable_batching)
    begun = [threading.Event() for _ in range(CALLERS)]

    with ThreadPoolExecutor(CALLERS) as pool:
        calls = [pool.submit(call_until_swapped, server, event) for event in begun]
        assert all(event.wait(TIMEOUT_SECONDS) for event in begun)
        publish(base_path, 2, amount=20)
        answers = [call.result() for call in calls]

    for caller in answers:
        assert set(caller) == {(1, 10.0), (2, 20.0)}
        # Never back to the old one, once the new one has answered.
        assert caller == sorted(caller)
    assert server.wait_until(lambda: status(server, "m")[1][0] == "END", 30)
    assert status(server, "m") == {2: ("AVAILABLE", 0), 1: ("END", 0)}


def test_broken_version(start_model_server, tmp_path):
    """A broken new version ends with its error; the old one goes on answering."""
    base_path = tmp_path / "m"
    publish(base_path, 1, amount=1)
    server = start_model_server(
        base_path, name="m", max_num_load_retries=1, load_retry_interval_micros=1
    )

    (base_path / "2").mkdir()
    assert server.wait_until(lambda: status(server, "m").get(2, "")[:1] == ("END",), 30)

    not_found = grpc.StatusCode.NOT_FOUND.value[0]
    assert status(server, "m") == {2: ("END", not_found), 1: ("AVAILABLE", 0)}
    assert predict(server, "m", x=np.float32([0]))[0] == 1


def test_version_removed(start_model_server, tmp_path):
    """When the new version's folder goes, the one before it comes back."""
    base_path = tmp_path / "m"
    publish(base_path, 1, amount=1)
    publish(base_path, 2, amount=2)
    server = start_model_server(base_path, name="m")
    before = predict(server, "m", x=np.float32([0]))[0]

    shutil.rmtree(base_path / "2")
    assert server.wait_until(lambda: status(server, "m")[2][0] == "END", 30)

    assert before == 2
    assert predict(server, "m", x=np.float32([0]))[0] == 1


def test_config_file(start_model_server, tmp_path):
    """Two models, a policy and labels out of a ModelServerConfig text file."""
    for name, versions in {"a": (1, 2, 3), "b": (7,)}.items():
        for version in versions:
            publish(tmp_path / name, version, amount=version)
    path = tmp_path / "models.config"
    path.write_text(f"""
        model_config_list {{
          config {{
            name: "a" base_path: "{tmp_path}/a" model_platform: "tensorflow"
            model_version_policy {{ specific {{ versions: 1 versions: 3 }} }}
            version_labels {{ key: "stable" value: 1 }}
            version_labels {{ key: "gone" value: 2 }}
          }}
          config {{ name: "b" base_path: "{tmp_path}/b" model_platform: "tensorflow" }}
        }}""")
    configs = read_model_configs(Settings(model_config_file=str(path)))
    server = start_model_server(
        configs=configs, allow_version_labels_for_unavailable_models=True
    )
    assert server.wait_until(lambda: len(status(server, "a")) == 2, 30)
    zero = np.float32([0])

    latest = predict(server, "a", x=zero)
    stable = predict(server, "a", label="stable", x=zero)

    assert (latest[0], latest[1]["y"].item()) == (3, 3.0)
    assert (stable[0], stable[1]["y"].item()) == (1, 1.0)
    assert predict(server, "b", x=zero)[0] == 7
    assert refusal(server, "a", label="gone", x=zero) == (
        grpc.StatusCode.NOT_FOUND,
        "Servable not found for request: Specific(a, 2)",
    )


def test_broken_at_start(start_model_server, tmp_path):
    """A server whose only version does not load never opens its ports."""
    (tmp_path / "m" / "1").mkdir(parents=True)

    with pytest.raises(ServingError) as caught:
        start_model_server(tmp_path / "m", name="m", max_num_load_retries=0)

    assert caught.value.code is grpc.StatusCode.UNKNOWN
    assert "1 servable(s) did not become available" in caught.value.message
    assert "{name: m version: 1} due to error: NOT_FOUND" in caught.value.message


def test_late_base_path(start_model_server, tmp_path):
    """A base path that appears later is waited for; only then the ports open."""
    publish(tmp_path / "late-aside", 1, amount=4)
    configs = [ModelConfig(name="late", base_path=str(tmp_path / "late"))]

    with ThreadPoolExecutor(1) as pool:
        starting = pool.submit(start_model_server, configs=configs)
        (tmp_path / "late-aside").rename(tmp_path / "late")
        server = starting.result(TIMEOUT_SECONDS)

    assert predict(server, "late", x=np.float32([2]))[1]["y"].item() == 5.0
