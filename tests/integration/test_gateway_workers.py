"""Several workers of one gateway: they count together and leave nothing behind."""

from __future__ import annotations

import signal
import tempfile
from pathlib import Path

import psutil
import pytest
import urllib3
from prometheus_client.parser import text_string_to_metric_families

from tests.integration.gateway_process import running_gateway

NOWHERE = 40


@pytest.fixture(name="http_pool")
def _http_pool():
    """Each request opens a connection, so that either worker may take it."""
    headers = {"Connection": "close"}
    with urllib3.PoolManager(retries=False, timeout=30.0, headers=headers) as pool:
        yield pool


def requests_counted(http_pool, gateway):
    """How many 404 all workers have answered, as the one that is asked says."""
    text = http_pool.request("GET", f"{gateway.url}/metrics").data.decode()
    (total,) = (
        sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
        if sample.name == "gateway_requests_total" and sample.labels["status"] == "404"
    )
    return total


def test_shared_counts(http_pool):
    """Whichever worker is asked, the figure is that of all; a killed one's stays."""
    with running_gateway(workers=2) as gateway:
        folder = Path(tempfile.gettempdir()) / f"gateway-metrics-{gateway.process.pid}"
        for _ in range(NOWHERE):
            http_pool.request("GET", f"{gateway.url}/nowhere")
        told = {requests_counted(http_pool, gateway) for _ in range(10)}
        writers = {path.stem.rpartition("_")[2] for path in folder.glob("counter_*")}
        worker, *_ = psutil.Process(gateway.process.pid).children()
        worker.send_signal(signal.SIGKILL)
        worker.wait(30)
        told.add(requests_counted(http_pool, gateway))

    assert len(writers) == 2
    assert told == {NOWHERE}
    assert not folder.exists()


def test_one_worker_needs_no_folder(http_pool):
    """A lone worker counts in memory, and tells of its own memory too."""
    with running_gateway() as gateway:
        folder = Path(tempfile.gettempdir()) / f"gateway-metrics-{gateway.process.pid}"
        text = http_pool.request("GET", f"{gateway.url}/metrics").data.decode()

        assert not folder.exists()

    assert "process_resident_memory_bytes" in text
