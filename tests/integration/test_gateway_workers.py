"""Several workers of one gateway: they count together and leave nothing behind."""

from __future__ import annotations

import signal
import socket
import tempfile
import time
from pathlib import Path

import psutil
import pytest
import urllib3
from prometheus_client.parser import text_string_to_metric_families

from tests.integration.gateway_process import running_gateway
from tests.integration.raw_http import connect, write_post

NOWHERE = 40


@pytest.fixture(name="http_pool")
def _http_pool():
    """Each request opens a connection, so that either worker may take it."""
    headers = {"Connection": "close"}
    with urllib3.PoolManager(retries=False, timeout=30.0, headers=headers) as pool:
        yield pool


def read_metric(http_pool, gateway, name, **labels):
    """One figure of all workers, as the one that is asked says."""
    text = http_pool.request("GET", f"{gateway.url}/metrics").data.decode()
    (value,) = (
        sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
        if sample.name == name and labels.items() <= sample.labels.items()
    )
    return value


def requests_counted(http_pool, gateway):
    """How many 404 were answered."""
    return read_metric(http_pool, gateway, "gateway_requests_total", status="404")


def wait_for_in_flight(http_pool, gateway, count):
    """Until so many requests are under way."""
    ends_at = time.monotonic() + 30
    while read_metric(http_pool, gateway, "gateway_requests_in_flight") != count:
        assert time.monotonic() < ends_at
        time.sleep(0.05)


def ask_all_workers(http_pool, gateway, folder):
    """Some 404s, and more until both workers count; how many that were."""
    ends_at, sent, writers = time.monotonic() + 60, 0, set()
    while sent < NOWHERE or len(writers) < 2:
        assert time.monotonic() < ends_at
        http_pool.request("GET", f"{gateway.url}/nowhere")
        sent += 1
        writers = {path.stem.rpartition("_")[2] for path in folder.glob("counter_*")}
    return sent


def test_shared_counts(http_pool):
    """Whichever worker is asked, the figure is that of all; a killed one's stays."""
    with running_gateway(workers=2) as gateway:
        folder = Path(tempfile.gettempdir()) / f"gateway-metrics-{gateway.process.pid}"
        sent = ask_all_workers(http_pool, gateway, folder)
        told = {requests_counted(http_pool, gateway) for _ in range(10)}
        worker, *_ = psutil.Process(gateway.process.pid).children()
        worker.send_signal(signal.SIGKILL)
        worker.wait(30)
        told.add(requests_counted(http_pool, gateway))

    assert told == {sent}
    assert not folder.exists()


def test_killed_at_work(http_pool):
    """What a worker that is killed had under way is under way no longer."""
    with socket.create_server(("localhost", 0)) as silent:
        address = f"localhost:{silent.getsockname()[1]}"
        with (
            running_gateway(
                workers=2, model_address=address, model_timeout_seconds=60
            ) as gateway,
            connect(gateway.port) as client,
        ):
            client.sendall(write_post("/predict"))
            wait_for_in_flight(http_pool, gateway, 1)

            for worker in psutil.Process(gateway.process.pid).children():
                worker.send_signal(signal.SIGKILL)

            wait_for_in_flight(http_pool, gateway, 0)


def test_one_worker_needs_no_folder(http_pool):
    """A lone worker counts in memory, and tells of its own memory too."""
    with running_gateway() as gateway:
        folder = Path(tempfile.gettempdir()) / f"gateway-metrics-{gateway.process.pid}"
        text = http_pool.request("GET", f"{gateway.url}/metrics").data.decode()

        assert not folder.exists()

    assert "process_resident_memory_bytes" in text
