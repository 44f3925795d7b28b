"""stop() while start() is under way, from the thread that took the signal."""

from __future__ import annotations

import socket
import threading

import pytest

from serving.served_model import ModelConfig
from serving.server import ModelServer
from serving.settings import ANY_FREE_PORT, Settings
from tests.tiny_model import write_tiny_model


class WatchedSettings:
    """Settings that call on_open once, when the models are loaded and a port opens."""

    def __init__(self, on_open):
        self._settings = Settings(port=ANY_FREE_PORT, rest_api_port=ANY_FREE_PORT)
        self._on_open = on_open

    def __getattr__(self, name):
        if name == "grpc_max_threads" and self._on_open:
            on_open, self._on_open = self._on_open, None
            on_open()
        return getattr(self._settings, name)


def test_stop_while_ports_open(tmp_path):
    """A stop between the last load and the ports leaves nothing that listens."""
    write_tiny_model(tmp_path / "tiny")

    def stop_meanwhile():
        stopper.start()
        stopper.join(0.3)  # it may have to wait until the ports are open

    server = ModelServer(
        WatchedSettings(stop_meanwhile),
        [ModelConfig(name="tiny", base_path=str(tmp_path / "tiny"))],
    )
    stopper = threading.Thread(target=server.stop)

    server.start()
    stopper.join(30)

    try:
        for port in (server.grpc_port, server.rest_port):
            with pytest.raises(ConnectionRefusedError):
                socket.create_connection(("127.0.0.1", port), timeout=5).close()
    finally:
        server.stop()
