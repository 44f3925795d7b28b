"""200 hot swaps of two models under load: answers, failures and memory of the server.

Run: .venv/bin/python -m pytest -m benchmark -s tests/benchmark/test_hot_swaps.py
"""

from __future__ import annotations

import os
import shutil
import signal
import statistics
import subprocess
import sys
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import replace

import grpc
import keras
import numpy as np
import pytest
from tensorflow_serving.apis import (
    get_model_status_pb2,
    model_service_pb2_grpc,
    prediction_service_pb2_grpc,
)

from tests.benchmark.exported_models import (
    MOBILENET,
    SIZES,
    build_classifier,
    draw_images,
)
from tests.benchmark.stack import free_port
from tests.integration.serving_calls import predict_request, read_response
from tests.integration.serving_models import build_half_plus, write_graph
from tests.tiny_model import tiny_contract
from training.export import export_model
from training.model import build_head

SWAPS = 200
FEATURES = 1280
# Memory is compared between these two; the first swaps fill allocators and caches.
SETTLED_AFTER = 5
MOST_GROWTH = 1.15
SMALL_CALLERS = 3
# A caller waits so long between two calls: two cores also load models meanwhile.
PAUSE_SECONDS = 0.004
TIMEOUT_SECONDS = 60
NAMES = ("small", "network")
# y = x / 2 + amount, by the parity of the version.
AMOUNTS = (10.0, 20.0)


def publish(folder, version):
    """Both models get the version, by one rename each."""
    for name in NAMES:
        aside = folder / f"{name}-{version}"
        source = folder / "made" / name / str(version % 2)
        shutil.copytree(source, aside, copy_function=os.link)
        (folder / name).mkdir(exist_ok=True)
        aside.rename(folder / name / str(version))


class Swapper:
    """Publishes versions of both models and knows which ones are gone for good."""

    def __init__(self, folder, channel):
        self._folder = folder
        self._status = model_service_pb2_grpc.ModelServiceStub(channel)
        self.first_alive = dict.fromkeys(NAMES, 1)

    def swap(self, version):
        """Publish, wait until the version before is gone; the seconds it took."""
        start = time.perf_counter()
        publish(self._folder, version)
        for name in NAMES:
            self._wait_until_gone(name, version - 1)
            self.first_alive[name] = version
            shutil.rmtree(self._folder / name / str(version - 1))
        return time.perf_counter() - start

    def _wait_until_gone(self, name, version):
        request = get_model_status_pb2.GetModelStatusRequest()
        request.model_spec.name = name
        request.model_spec.version.value = version
        pause = threading.Event()
        ends_at = time.monotonic() + TIMEOUT_SECONDS
        while time.monotonic() < ends_at:
            response = self._status.GetModelStatus(request, timeout=TIMEOUT_SECONDS)
            (status,) = response.model_version_status
            if status.state == get_model_status_pb2.ModelVersionStatus.END:
                assert status.status.error_code == 0
                return
            pause.wait(0.02)
        raise TimeoutError(f"{name} {version} is still there")


def call_small(stub, swapper, stop):
    """Call until told to stop; how often each version answered."""
    request, seen = predict_request("small", x=np.float32([0])), Counter()
    while not stop.wait(PAUSE_SECONDS):
        first_alive = swapper.first_alive["small"]
        version, outputs = read_response(stub.Predict(request, timeout=TIMEOUT_SECONDS))
        assert version >= first_alive, "an answer of a version that was gone"
        assert outputs["y"].tolist() == [AMOUNTS[version % 2]]
        seen[version] += 1
    return seen


def call_network(stub, swapper, stop):
    """The same with pictures; each of the two networks has its own scores."""
    request = predict_request("network", images=draw_images(MOBILENET, 1))
    scores, seen = {}, Counter()
    while not stop.wait(PAUSE_SECONDS):
        first_alive = swapper.first_alive["network"]
        version, outputs = read_response(stub.Predict(request, timeout=TIMEOUT_SECONDS))
        assert version >= first_alive, "an answer of a version that was gone"
        expected = scores.setdefault(version % 2, outputs["scores"])
        np.testing.assert_allclose(outputs["scores"], expected, atol=1e-5)
        seen[version] += 1
    assert not np.allclose(scores[0], scores[1], atol=1e-3)
    return seen


@contextmanager
def running_server(folder):
    """A server over both models: (pid, channel) once its port is open."""
    port = free_port()
    entries = "".join(
        f'config {{ name: "{name}" base_path: "{folder}/{name}" '
        f'model_platform: "tensorflow" }}'
        for name in NAMES
    )
    path = folder / "models.config"
    path.write_text(f"model_config_list {{ {entries} }}")
    flags = [f"--port={port}", f"--model_config_file={path}", "--enable_batching"]
    with (
        open(folder / "server.log", "w", encoding="utf-8") as log,
        subprocess.Popen(
            [sys.executable, "-m", "serving", *flags], stdout=log, stderr=log
        ) as process,
        grpc.insecure_channel(f"localhost:{port}") as channel,
    ):
        try:
            grpc.channel_ready_future(channel).result(TIMEOUT_SECONDS)
            yield process.pid, channel
        finally:
            with suppress(ProcessLookupError):
                process.send_signal(signal.SIGTERM)


def resident_megabytes(pid):
    """What the process holds in memory now."""
    with open(f"/proc/{pid}/status", encoding="ascii") as lines:
        (line,) = (line for line in lines if line.startswith("VmRSS"))
    return int(line.split()[1]) / 1024


@pytest.fixture(name="folder", scope="module")
def _folder(tmp_path_factory):
    """Two exports of each model, told apart by their answers."""
    folder = tmp_path_factory.mktemp("swaps")
    made = folder / "made"
    for number, amount in enumerate(AMOUNTS):
        write_graph(made / "small" / str(number), build_half_plus(amount))
        exported = export_with_own_head(made / "exports", number)
        (made / "network").mkdir(exist_ok=True)
        exported.rename(made / "network" / str(number))
    return folder


def export_with_own_head(base_path, seed):
    """MobileNetV2 whose scores are not those of another seed; the version folder."""
    classifier = build_classifier(MOBILENET)
    keras.utils.set_random_seed(seed)
    head = build_head(FEATURES, classes=2, dropout=0.0, weight_decay=0.0)
    return export_model(
        replace(classifier, head=head),
        tiny_contract(("a", "b"), size=SIZES[MOBILENET], name=MOBILENET),
        draw_images(MOBILENET, 1),
        lambda *_: None,
        base_path,
    )


# Keras takes a bare array for its one input, and warns.
@pytest.mark.filterwarnings("ignore:[^$]*structure of:UserWarning")
@pytest.mark.timeout(1800)
def test_hot_swaps(folder):
    """No call fails, nobody hears a version that was gone, memory stays."""
    stop = threading.Event()
    publish(folder, 1)
    with running_server(folder) as (pid, channel), ThreadPoolExecutor() as pool:
        swapper = Swapper(folder, channel)
        stub = prediction_service_pb2_grpc.PredictionServiceStub(channel)
        calls = [call_network] + [call_small] * SMALL_CALLERS
        callers = [pool.submit(call, stub, swapper, stop) for call in calls]
        seconds, memory = [], []
        try:
            for version in range(2, SWAPS + 2):
                seconds.append(swapper.swap(version))
                memory.append(resident_megabytes(pid))
                assert not any(caller.done() for caller in callers)
        finally:
            stop.set()
        seen = [caller.result() for caller in callers]

    growth = memory[-1] / memory[SETTLED_AFTER - 1]
    told = ", ".join(f"{memory[i - 1]:.0f} after {i}" for i in (5, 50, 100, 150, 200))
    print(
        f"\n{SWAPS} swaps of two models, {statistics.median(seconds):.2f} s each; "
        f"{sum(map(Counter.total, seen))} calls, none failed; resident MB: {told}; "
        f"last / fifth {growth:.3f}"
    )
    assert set(seen[0]) == set(range(1, SWAPS + 2))
    assert growth < MOST_GROWTH
