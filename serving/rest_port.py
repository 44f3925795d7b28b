"""The HTTP port: where the REST door listens, and how it ends."""

from __future__ import annotations

import logging
import socket
import threading

from cheroot import wsgi
from flask import Flask

from serving.grpc_port import ALL_ADDRESSES, real_port
from serving.rest_connection import RestConnection
from serving.settings import ANY_FREE_PORT, Settings

logger = logging.getLogger(__name__)


def open_rest(settings: Settings, app: Flask) -> wsgi.Server | None:
    """Answer HTTP in threads; None where that is off or the port is not to be had.

    As in TensorFlow Serving the rest of the server goes on without it.
    """
    if not settings.rest_api_port:
        return None
    if settings.rest_api_port == settings.port != ANY_FREE_PORT:
        logger.error("event=rest_off reason=%r", "same port as gRPC")
        return None
    server = wsgi.Server(
        (
            "::" if socket.has_dualstack_ipv6() else ALL_ADDRESSES,
            real_port(settings.rest_api_port),
        ),
        app,
        numthreads=settings.rest_api_num_threads,
    )
    server.ConnectionClass = RestConnection
    try:
        server.prepare()
    except OSError as error:
        logger.error("event=rest_off reason=%r", str(error))
        return None
    threading.Thread(target=server.serve, name="rest").start()
    return server


def stop_rest(server: wsgi.Server, grace_seconds: float) -> threading.Thread:
    """Stop it in a thread of its own: it waits without end for a run that is cut."""
    server.shutdown_timeout = grace_seconds
    thread = threading.Thread(target=server.stop, name="rest-stop", daemon=True)
    thread.start()
    return thread
