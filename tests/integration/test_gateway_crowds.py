"""More connections than the gateway takes: the idlest make room."""

from __future__ import annotations

import resource

import psutil
import pytest

from tests.integration.gateway_process import running_gateway
from tests.integration.raw_http import connect, connect_many, read_reply, write_head

# Gunicorn takes so many in each worker.
WORKER_CONNECTIONS = 1000
LIVEZ = write_head("GET /livez HTTP/1.1")
BEGUN = b"POST /predict HTTP/1.1\r\nHost: a\r\nX-Slow: "


@pytest.fixture(name="gateway")
def _gateway(tiny_server):
    address = f"localhost:{tiny_server.grpc_port}"
    with running_gateway(model_address=address, models="tiny") as gateway:
        yield gateway


def answers(gateway, count=5):
    """The status of some good requests, each on a connection of its own."""
    statuses = []
    for _ in range(count):
        with connect(gateway.port) as client:
            client.sendall(LIVEZ)
            statuses.append(read_reply(client).status)
    return statuses


@pytest.mark.parametrize("sent", [b"", BEGUN], ids=["silent", "begun"])
def test_connections(gateway, sent):
    """All connections taken by clients who never ask are no reason to wait."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft < 2 * WORKER_CONNECTIONS:
        pytest.skip(f"needs {2 * WORKER_CONNECTIONS} open files, {soft} of {hard}")

    with connect_many(gateway.port, WORKER_CONNECTIONS + 50, sent):
        assert answers(gateway) == [200] * 5


def test_kept_connections(gateway):
    """The same for clients who asked once and stayed."""
    with connect_many(gateway.port, WORKER_CONNECTIONS + 50, LIVEZ):
        assert answers(gateway) == [200] * 5


def test_open_files(gateway):
    """A worker that may open no more files closes idle connections, and lives."""
    assert answers(gateway) == [200] * 5
    worker = psutil.Process(gateway.process.pid).children()[0]
    limit = worker.num_fds() + 20
    worker.rlimit(resource.RLIMIT_NOFILE, (limit, limit))

    with connect_many(gateway.port, 100, b""):
        assert answers(gateway) == [200] * 5

    assert worker.is_running() and worker.num_fds() <= limit
    assert not [line for line in gateway.lines if "Traceback" in line]
