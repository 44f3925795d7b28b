"""The limits: decode, resize and network in one process, pictures from memory.

No HTTP, no queue, one worker per core, each with its own batches. Made for a process
of its own (own_process.py), which keeps what it has loaded.
"""

from __future__ import annotations

import functools
import logging
import os
import time
from dataclasses import dataclass

import numpy as np

from gateway.image import decode_image
from tests.benchmark import closed_loop
from tests.benchmark.table.load import Measured

BATCH_SIZES = (1, 2, 4, 8, 16)
CORES = os.cpu_count()


@dataclass(frozen=True)
class Limit:
    """One row of the table; what it loads is named by runtime."""

    title: str
    setup: str
    runtime: str


TENSORFLOW, OPENVINO = "tensorflow", "openvino"
LIMITS = {
    "limit": Limit(
        title="limit 1: decode + network from memory",
        setup="TensorFlow session, intra-op 1, a worker per core",
        runtime=TENSORFLOW,
    ),
    "limit-openvino": Limit(
        title="limit 2: the same, OpenVINO",
        setup="bfloat16 where the processor has it, a stream and a worker per core",
        runtime=OPENVINO,
    ),
}


def best_batch_size(runtime, network, photos, seconds):
    """{batch size: images a second} with both cores busy; the first is the fastest.

    The better of two tries each, up and down the sizes.
    """
    speeds = dict.fromkeys(BATCH_SIZES, 0.0)
    for size in (*BATCH_SIZES, *reversed(BATCH_SIZES)):
        measured = run(runtime, network, photos, (CORES, size), seconds / 2)
        speeds[size] = max(speeds[size], measured.images_per_second)
    return dict(sorted(speeds.items(), key=lambda each: -each[1]))


def run(runtime, network, photos, load, seconds):
    """Measured as a server is; load is (workers, batch size).

    Latencies are of one batch, decoded and run.
    """
    workers, batch_size = load
    side, latencies = network.side, []
    cpu, make_run = time.process_time(), _load(runtime, network, batch_size)

    def make_step(worker):
        classify = make_run()

        def step(round_number):
            first = (round_number * workers + worker) * batch_size
            chosen = (photos[(first + i) % len(photos)] for i in range(batch_size))
            start = time.perf_counter()
            classify(np.stack([decode_image(photo, (side, side)) for photo in chosen]))
            latencies.append(time.perf_counter() - start)
            return batch_size

        return step

    speed = closed_loop.images_per_second(make_step, workers, seconds)
    return Measured(
        images_per_second=speed,
        latencies=tuple(latencies[workers:]),
        images=len(latencies) * batch_size,
        failed=0,
        client_cpu_seconds=time.process_time() - cpu,
    )


def scores(network, photo):
    """What limit 1 says of one photo: a list, in the labels' order."""
    image = decode_image(photo, (network.side, network.side))
    return _load(TENSORFLOW, network, 1)()(image[None])[0].tolist()


@functools.cache
def _load(runtime, network, batch_size):
    """A function that gives each worker its way from uint8 images to scores."""
    # pylint: disable=import-outside-toplevel  # the other one costs memory for nothing
    logging.getLogger("tensorflow").setLevel(logging.ERROR)
    if runtime == TENSORFLOW:
        from tests.benchmark import bare_session

        session = bare_session.load(str(network.version))
        return lambda: session
    import openvino

    model = openvino.Core().read_model(network.openvino_file)
    model.reshape([batch_size, network.side, network.side, 3])
    has_bfloat16 = "BF16" in openvino.Core().get_property(
        "CPU", "OPTIMIZATION_CAPABILITIES"
    )
    options = {
        "INFERENCE_PRECISION_HINT": "bf16" if has_bfloat16 else "f32",
        "NUM_STREAMS": CORES,
        "INFERENCE_NUM_THREADS": CORES,
    }
    compiled = openvino.Core().compile_model(model, "CPU", options)
    # Two threads whose first calls meet can wait for each other for ever, in what
    # OpenVINO's Python part sets up once.
    _openvino_worker(compiled)(np.zeros(model.input(0).shape, np.uint8))
    return lambda: _openvino_worker(compiled)


def _openvino_worker(compiled):
    request = compiled.create_infer_request()
    return lambda images: request.infer([images])[0]
