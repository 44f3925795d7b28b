"""The HTTP port: where the REST door listens."""

from __future__ import annotations

import logging
import resource
import socket

from flask import Flask

from serving.grpc_port import ALL_ADDRESSES, real_port
from serving.rest_server import RestServer
from serving.settings import ANY_FREE_PORT, Settings

logger = logging.getLogger(__name__)

_MAX_CONNECTIONS = 8192
_BACKLOG = 1024


def open_rest(settings: Settings, app: Flask) -> RestServer | None:
    """Answer HTTP in threads; None where that is off or the port is not to be had.

    As in TensorFlow Serving the rest of the server goes on without it.
    """
    if not settings.rest_api_port:
        return None
    if settings.rest_api_port == settings.port != ANY_FREE_PORT:
        logger.error("event=rest_off reason=%r", "same port as gRPC")
        return None
    try:
        listening = _listen(real_port(settings.rest_api_port))
    except OSError as error:
        logger.error("event=rest_off reason=%r", str(error))
        return None
    threads = settings.rest_api_num_threads
    server = RestServer(app, listening, threads, _count_connections())
    server.start()
    return server


def _listen(port: int) -> socket.socket:
    """One socket for IPv6 and IPv4, so that any free port is the same one for both."""
    if socket.has_dualstack_ipv6():
        return socket.create_server(
            ("::", port),
            family=socket.AF_INET6,
            backlog=_BACKLOG,
            dualstack_ipv6=True,
        )
    return socket.create_server((ALL_ADDRESSES, port), backlog=_BACKLOG)


def _count_connections() -> int:
    """Half of the descriptors the process may have; models and gRPC need some too."""
    limit, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    if limit == resource.RLIM_INFINITY:
        return _MAX_CONNECTIONS
    return min(_MAX_CONNECTIONS, limit // 2)
