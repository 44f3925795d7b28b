"""The same application in four WSGI servers: how fast, and among slow clients.

Run: .venv/bin/python -m pytest -m benchmark -s \
    tests/benchmark/test_gateway_wsgi_servers.py
"""

from __future__ import annotations

import statistics

import pytest

from tests.benchmark import photo_callers
from tests.benchmark.own_process import own_process
from tests.benchmark.photos import load_photos
from tests.benchmark.spread import describe
from tests.benchmark.tiny_server import NAME, running_tiny_server
from tests.benchmark.wsgi_servers import OURS, running_servers
from tests.integration.slow_clients import SlowClients

CROWD, ALONE = (16, 1.5), (1, 0.5)
ROUNDS = 4
PHOTOS = 64
SLOW_CLIENTS = 50
GOOD_REQUESTS = 20
PATIENCE_SECONDS = 2.0
LEAST_SHARE = 0.75


@pytest.fixture(name="servers", scope="module")
def _servers(tmp_path_factory):
    """{name: port} of all, asking a model that costs next to nothing."""
    base_path = tmp_path_factory.mktemp("models") / NAME
    with running_tiny_server(base_path) as address:
        with running_servers(address, NAME) as ports:
            yield ports


@pytest.fixture(name="callers", scope="module")
def _callers():
    with own_process() as call:
        yield call


@pytest.fixture(name="photos", scope="module")
def _photos(datasets_dir):
    return load_photos(datasets_dir, PHOTOS)


def test_speed(servers, callers, photos):
    """Ours is not a quarter slower than the fastest of them."""

    def measure(load):
        return {
            name: callers(photo_callers.over_http, port, photos, load)
            for name, port in servers.items()
        }

    measure(ALONE)
    crowded = [measure(CROWD) for _ in range(ROUNDS)]
    alone = [measure(ALONE) for _ in range(ROUNDS)]

    medians = {}
    print(f"\n{CROWD[0]} clients, a model that costs nothing, {ROUNDS} rounds")
    for name in servers:
        speeds = [each[name][0] for each in crowded]
        ratios = [each[OURS][0] / each[name][0] for each in crowded]
        times = [1000 * statistics.median(each[name][1]) for each in alone]
        medians[name] = statistics.median(speeds)
        print(
            f"  {name}: {describe(speeds, 0)} photos/s, ours / it {describe(ratios)}; "
            f"1 client {describe(times)} ms"
        )
    assert medians[OURS] > LEAST_SHARE * max(medians.values())


def test_slow_clients(servers, callers, photos):
    """Ours answers every good request while fifty clients crawl."""
    answered = {}
    for name, port in servers.items():
        with SlowClients(port, SLOW_CLIENTS).running() as slow:
            assert slow.has_dripped.wait(30)
            answered[name] = callers(
                photo_callers.until_silence,
                port,
                photos,
                GOOD_REQUESTS,
                PATIENCE_SECONDS,
            )

    print(f"\n{SLOW_CLIENTS} slow clients, {GOOD_REQUESTS} good requests one by one")
    for name, times in answered.items():
        middle = f"{1000 * statistics.median(times):.1f} ms" if times else "none"
        print(
            f"  {name}: {len(times)} answered within {PATIENCE_SECONDS:g} s, "
            f"median {middle}"
        )
    assert len(answered[OURS]) == GOOD_REQUESTS
