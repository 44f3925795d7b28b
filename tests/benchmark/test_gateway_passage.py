"""Photos a second through the gateway beside the same calls straight to the model.

Run: .venv/bin/python -m pytest -m benchmark -s tests/benchmark/test_gateway_passage.py
"""

from __future__ import annotations

import statistics
from contextlib import ExitStack, contextmanager

import numpy as np

from gateway.image import decode_image
from tests.benchmark import photo_callers
from tests.benchmark.exported_models import LITE, SIZES, export_network
from tests.benchmark.own_process import own_process
from tests.benchmark.photos import load_photos
from tests.benchmark.spread import describe
from tests.integration.gateway_process import running_gateway
from tests.integration.serving_process import start_server

CROWD, ALONE = (16, 2.0), (1, 0.8)
ROUNDS = 4
PHOTOS = 64
GATEWAY = "through the gateway"
DECODING = "straight, the caller decodes"
PIXELS = "straight, pixels ready"
LEAST_SHARE = 0.6


def test_passage(tmp_path, datasets_dir):
    """The gateway leaves more than half of what callers get who decode themselves."""
    photos = load_photos(datasets_dir, PHOTOS)
    with ExitStack() as stack:
        address = stack.enter_context(running_network(tmp_path / LITE))
        settings = {"model_address": address, "models": LITE}
        gateway = stack.enter_context(running_gateway(**settings))
        callers = stack.enter_context(own_process())
        ways = list_ways(gateway.port, (address, LITE), photos)

        def measure(load):
            return {name: callers(*way, load) for name, way in ways.items()}

        measure(CROWD)
        crowded = [measure(CROWD) for _ in range(ROUNDS)]
        alone = [measure(ALONE) for _ in range(ROUNDS)]

    print(
        f"\nEfficientNet-Lite0 224, 512 x 384 JPEG, {ROUNDS} rounds, {CROWD[0]} clients"
    )
    for name in ways:
        speeds = [each[name][0] for each in crowded]
        times = [1000 * statistics.median(each[name][1]) for each in alone]
        print(
            f"  {name}: {describe(speeds, 0)} photos/s; 1 client {describe(times)} ms; "
            f"gateway / it {describe(shares(crowded, name))}"
        )
    assert statistics.median(shares(crowded, DECODING)) > LEAST_SHARE


@contextmanager
def running_network(base_path):
    """EfficientNet-Lite0 with random weights, merging calls; gives its address."""
    export_network(LITE, base_path)
    flags = (
        f"--model_name={LITE}",
        f"--model_base_path={base_path}",
        "--enable_batching=true",
        "--batching_parameters_file=serving/batching.config",
    )
    with start_server(*flags, timeout_seconds=170) as (_, fields):
        yield f"localhost:{fields['grpc_port']}"


def list_ways(port, target, photos):
    """Each way's function of photo_callers with its arguments, but for the load."""
    size = SIZES[target[1]]
    batches = [decode_image(photo, size)[np.newaxis] for photo in photos]
    return {
        GATEWAY: (photo_callers.over_http, port, photos),
        DECODING: (photo_callers.with_decoding, target, photos, size),
        PIXELS: (photo_callers.with_pixels, target, batches),
    }


def shares(rounds, name):
    """The gateway's photos a second over another way's, round by round."""
    return [each[GATEWAY][0] / each[name][0] for each in rounds]
