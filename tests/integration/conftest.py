"""In-process model servers over models written here; stopped when a file is done."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import pytest

from serving.served_model import ModelConfig
from serving.server import ModelServer
from serving.settings import ANY_FREE_PORT, Settings
from tests.integration.rest_servers import create_rest_server
from tests.tiny_model import write_tiny_model


@contextmanager
def model_servers():
    """A function that starts a ModelServer; all are stopped when the block ends."""
    running = []

    def start(base_path=None, name="tiny", configs=None, **flags):
        if configs is None:
            configs = [ModelConfig(name=name, base_path=str(base_path))]
        ports = {"port": ANY_FREE_PORT, "rest_api_port": ANY_FREE_PORT}
        health = {"enable_grpc_healthcheck_service": True}
        server = ModelServer(Settings(**{**ports, **health, **flags}), configs)
        running.append(server)
        server.start()
        return server

    try:
        yield start
    finally:
        with ThreadPoolExecutor(8) as pool:
            list(pool.map(ModelServer.stop, running))


@pytest.fixture(name="start_model_server", scope="module")
def _start_model_server():
    """A function that starts one ModelServer on free ports and returns it.

    start_model_server(base_path, name="tiny", **flags) serves one model;
    start_model_server(configs=[ModelConfig(...), ...], **flags) several. Flags are
    Settings fields. The gRPC address is f"localhost:{server.grpc_port}"; base_path must
    be absolute. server.stop(grace_seconds) ends it early.
    """
    with model_servers() as start:
        yield start


@pytest.fixture(name="tiny_server", scope="session")
def _tiny_server(tmp_path_factory):
    """One server for all tests that only ask: tests/tiny_model.py, named "tiny"."""
    base_path = tmp_path_factory.mktemp("models") / "tiny"
    write_tiny_model(base_path)
    with model_servers() as start:
        yield start(base_path)


@pytest.fixture(name="create_rest")
def _create_rest():
    """A function like create_rest_server(), for servers that a test starts."""
    created = []

    def create(connections):
        created.append(create_rest_server(connections))
        return created[-1]

    yield create
    for server in created:
        assert server.drain(0)(10)
        server.join()


@pytest.fixture(name="start_rest")
def _start_rest(create_rest):
    """A function like create_rest_server(), whose servers run until the test ends."""

    def start(connections):
        server = create_rest(connections)
        server.start()
        return server

    return start
