"""What the gateway itself costs for a photo of 512 x 384, and where it goes.

Run: .venv/bin/python -m pytest -m benchmark -s tests/benchmark/test_gateway_cost.py
"""

from __future__ import annotations

import statistics
from contextlib import ExitStack, contextmanager

from tests.benchmark import cores, gateway_parts, photo_callers
from tests.benchmark.own_process import own_process
from tests.benchmark.photos import load_photos
from tests.benchmark.spread import describe
from tests.benchmark.tiny_server import NAME, SIZE, running_tiny_server
from tests.integration.gateway_process import running_gateway

LOAD = (4, 1.5)
ROUNDS = 7
PHOTOS = 64
IMAGENET_CLASSES = 1000
WHOLE, DECODE, GRPC, JSON = "whole", "decode + resize", "gRPC", "JSON"
HTTP = "HTTP, log, metrics (the rest)"
REFUSED = "a photo refused unread"
MANY_CLASSES = "JSON of 1,000 classes"
BEST_FIVE = "JSON of 1,000 classes, top=5"


def test_cost(tmp_path, datasets_dir):
    """On one core, reading the picture and HTTP cost more than gRPC and JSON do."""
    photos = load_photos(datasets_dir, PHOTOS)
    with one_core(tmp_path / NAME) as (address, gateway, callers, rooms):

        def measure():
            speed, whole = ask(callers, gateway, photos, "/predict", 200)
            _, refused = ask(callers, gateway, photos, "/predict?model=none", 404)
            costs = {WHOLE: whole, **rooms(measure_rooms, address, photos)}
            rest = whole - costs[DECODE] - costs[GRPC] - costs[JSON]
            return costs | {HTTP: rest, REFUSED: refused}, speed

        measure()
        rounds, speeds = zip(*(measure() for _ in range(ROUNDS)))

    parts = (DECODE, GRPC, JSON, HTTP)
    medians = {name: statistics.median(row[name] for row in rounds) for name in parts}
    largest = max(parts, key=medians.get)
    print(
        f"\n512 x 384 JPEG, one core, {statistics.median(speeds):.0f} photos a second"
    )
    for name in rounds[0]:
        print(f"  {name}: {describe([row[name] for row in rounds], 3)} ms")
    print(f"  the largest part: {largest}")
    assert medians[DECODE] + medians[HTTP] > medians[GRPC] + medians[JSON]
    # Rooms that add up to more than the whole would not be parts of it.
    assert medians[HTTP] > 0


@contextmanager
def one_core(base_path):
    """(model's address, gateway, process of callers, process of the gateway's rooms).

    Gateway and rooms have the first core for themselves, all else is on the last one.
    """
    first, last = cores.first_and_last()
    with ExitStack() as stack:
        with cores.on_core(last):
            address = stack.enter_context(running_tiny_server(base_path))
            callers = stack.enter_context(own_process())
            callers(int)
        with cores.on_core(first):
            settings = {"model_address": address, "models": NAME}
            gateway = stack.enter_context(running_gateway(**settings))
            rooms = stack.enter_context(own_process())
            rooms(int)
        yield address, gateway, callers, rooms


def ask(callers, gateway, photos, path, status):
    """(photos a second, milliseconds of the gateway's processor time for each)."""
    before = cores.used_seconds(gateway.process.pid)
    speed, times = callers(
        photo_callers.over_http, gateway.port, photos, LOAD, path, status
    )
    spent = cores.used_seconds(gateway.process.pid) - before
    return speed, 1000 * spent / len(times)


def measure_rooms(address, photos):
    """Milliseconds of processor time for a photo in each room."""
    return {
        DECODE: gateway_parts.decode_milliseconds(photos, SIZE),
        GRPC: gateway_parts.grpc_milliseconds(address, NAME, photos, SIZE),
        JSON: gateway_parts.json_milliseconds(2, PHOTOS),
        MANY_CLASSES: gateway_parts.json_milliseconds(IMAGENET_CLASSES, PHOTOS),
        BEST_FIVE: gateway_parts.json_milliseconds(IMAGENET_CLASSES, PHOTOS, 5),
    }
