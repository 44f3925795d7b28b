"""The model server's engines beside each other and the bare network, in one run.

Run: DATASETS_DIR=FOLDER .venv/bin/python -m pytest -m benchmark -s
tests/benchmark/test_engines.py
"""

from __future__ import annotations

import os
import statistics
from contextlib import ExitStack, contextmanager
from pathlib import Path

import grpc
import numpy as np
import pytest
from tensorflow_serving.apis import predict_pb2

from serving.tensors import read_tensor
from tests.benchmark import bare_session, grpc_callers, photo_callers
from tests.benchmark.own_process import own_process
from tests.benchmark.photos import find_photos
from tests.benchmark.spread import describe
from tests.benchmark.stack import running_stack
from tests.benchmark.table import limits
from tests.benchmark.table.networks import NAMES, find_network, prepare
from tests.integration.serving_process import start_server
from training.datasets import load_split
from training.evaluate import wilson_interval
from training.pictures import decode_split

ENGINES = {
    "TensorFlow": (),
    "TensorFlow, bfloat16": ("--mixed_precision=bfloat16",),
    "OpenVINO": ("--engine=openvino",),
    "OpenVINO, bfloat16": ("--engine=openvino", "--mixed_precision=bfloat16"),
}
REFERENCE, EXACT, FASTEST = "TensorFlow", "OpenVINO", "OpenVINO, bfloat16"
BATCHING = (
    "--enable_batching=true",
    "--batching_parameters_file=serving/batching.config",
)
CLIENTS = 16
ROUNDS = int(os.environ.get("BENCHMARK_ROUNDS", "5"))
SECONDS = float(os.environ.get("BENCHMARK_SECONDS", "4"))
TEST_SECONDS = 1200
MODEL = Path("models/pizza-not-pizza")


@pytest.fixture(name="call", scope="module")
def _call():
    """A function that calls another one in a process of its own."""
    with own_process() as call:
        yield call


@pytest.fixture(name="network", params=NAMES)
def _network(request, call):
    network = find_network(request.param)
    call(prepare, network)
    return network


@pytest.fixture(name="addresses")
def _addresses():
    """A function that starts a server of each engine; gives their addresses."""
    with ExitStack() as stack:

        def start(name, base_path):
            addresses = {}
            for engine, flags in ENGINES.items():
                _, fields = stack.enter_context(
                    start_server(
                        f"--model_name={name}",
                        f"--model_base_path={base_path.resolve()}",
                        *BATCHING,
                        *flags,
                        timeout_seconds=TEST_SECONDS,
                    )
                )
                addresses[engine] = f"localhost:{fields['grpc_port']}"
            return addresses

        yield start


@pytest.mark.timeout(TEST_SECONDS)
def test_model_server(network, addresses, call):
    """16 gRPC clients with pixels: OpenVINO in bfloat16 is ahead of TensorFlow."""
    served, folder = addresses(network.name, network.base_path), str(network.version)
    noise = np.random.default_rng(0)
    images = noise.integers(0, 256, (16, network.side, network.side, 3), np.uint8)
    requests = [
        grpc_callers.serialize_request(network.name, image[None]) for image in images
    ]
    with own_process() as send:
        batch_size = call(bare_session.best_batch_size, folder, images, SECONDS / 2)
        bare = (bare_session.images_per_second, folder, images, batch_size, SECONDS)
        for address in served.values():
            send(grpc_callers.images_per_second, address, requests, CLIENTS, SECONDS)
        speeds = {"bare": []} | {engine: [] for engine in ENGINES}
        for _ in range(ROUNDS):
            speeds["bare"].append(call(*bare))
            for engine, address in served.items():
                run = grpc_callers.images_per_second
                speeds[engine].append(send(run, address, requests, CLIENTS, SECONDS))

    print(f"\n{network.name}, {CLIENTS} gRPC clients, bare in batches of {batch_size}")
    tell(speeds, "bare")
    assert median_ratio(speeds[FASTEST], speeds[REFERENCE]) > 1.0


@pytest.mark.timeout(TEST_SECONDS)
def test_whole_stack(network, call):
    """16 clients over HTTP with photos, beside decode and network in one process.

    Issue 7 wants twice limit 1 for one network; which, the last one says.
    """
    photos, what = find_photos(Path(os.environ.get("DATASETS_DIR", "datasets")), 32)
    sizes = call(limits.best_batch_size, limits.TENSORFLOW, network, photos, SECONDS)
    load = (limits.CORES, next(iter(sizes)))
    speeds = {"limit 1": []} | {engine: [] for engine in ENGINES}
    with open_stacks(network, photos) as post:
        for _ in range(ROUNDS):
            bare = call(limits.run, limits.TENSORFLOW, network, photos, load, SECONDS)
            speeds["limit 1"].append(bare.images_per_second)
            for engine in ENGINES:
                speeds[engine].append(post(engine))

    print(
        f"\n{network.name}, {CLIENTS} HTTP clients, {what}, limit 1 in batches of "
        f"{load[1]}"
    )
    tell(speeds, "limit 1")
    least = 2.0 if network.name == NAMES[-1] else 1.0
    assert median_ratio(speeds[FASTEST], speeds["limit 1"]) >= least


@contextmanager
def open_stacks(network, photos):
    """A stack of each engine, all ready; gives a function engine -> images a second."""
    load = (CLIENTS, SECONDS)
    with ExitStack() as stack:
        send = stack.enter_context(own_process())
        ports = {
            engine: stack.enter_context(
                running_stack(network.base_path, network.name, *flags)
            )
            for engine, flags in ENGINES.items()
        }

        def post(engine):
            speed, _ = send(photo_callers.over_http, ports[engine], photos, load)
            return speed

        for engine in ENGINES:
            post(engine)
        yield post


def median_ratio(first, second):
    """Round by round."""
    return statistics.median(a / b for a, b in zip(first, second))


def tell(speeds, beside):
    """A line for each: images a second, and the ratio to one of them."""
    for name, found in speeds.items():
        ratios = [a / b for a, b in zip(found, speeds[beside])]
        print(
            f"  {name:<22} {describe(found, 0):>22} images/s, / {beside}: "
            f"{describe(ratios)}"
        )


@pytest.mark.timeout(TEST_SECONDS)
@pytest.mark.skipif(not MODEL.is_dir(), reason=f"no {MODEL}; train it first")
def test_accuracy(datasets_dir, addresses):
    """On the test part of pizza-not-pizza: float32 agrees, bfloat16 costs next to
    nothing."""
    pixels = read_test_part(datasets_dir)
    served = addresses("pizza", MODEL)

    scores = {
        engine: np.concatenate(
            [ask(address, pixels.batch[i : i + 8]) for i in range(0, 200, 8)]
        )
        for engine, address in served.items()
    }

    print(f"\n{MODEL}, {len(pixels.batch)} photos of its test part")
    for engine, found in scores.items():
        right = int((found.argmax(axis=1) == pixels.targets).sum())
        low, high = wilson_interval(right, len(found))
        difference = np.abs(found - scores[REFERENCE]).max()
        others = int((found.argmax(1) != scores[REFERENCE].argmax(1)).sum())
        print(
            f"  {engine:<22} accuracy {right / len(found):.3f} ({low:.3f} to "
            f"{high:.3f}), scores differ by at most {difference:.1e}, other best label "
            f"on {others}"
        )
    assert np.abs(scores[EXACT] - scores[REFERENCE]).max() <= 1e-4


def read_test_part(datasets_dir):
    """The photos that the model was judged on, in its size."""
    split = load_split(str(datasets_dir / "pizza-not-pizza"), datasets_dir)
    return decode_split(split, (224, 224)).test


def ask(address, batch):
    """Scores (n, classes) of uint8 pictures, in the contract's order of labels."""
    request = grpc_callers.serialize_request("pizza", batch)
    with grpc.insecure_channel(address) as channel:
        answer = channel.unary_unary("/tensorflow.serving.PredictionService/Predict")(
            request, timeout=60
        )
    response = predict_pb2.PredictResponse.FromString(answer)
    return read_tensor("scores", response.outputs["scores"])
