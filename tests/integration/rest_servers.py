"""The HTTP server over an application that answers with as many bytes as asked for."""

from __future__ import annotations

import socket

from serving.rest_server import RestServer
from tests.integration.raw_http import write_head

LARGE_BYTES = 20_000_000
SMALL, LARGE = [write_head(f"GET /{size} HTTP/1.1") for size in (9, LARGE_BYTES)]


def answer(environ, start_response):
    """So many bytes as the path says."""
    size = int(environ["PATH_INFO"][1:])
    start_response("200 OK", [("Content-Length", str(size))])
    return [b"a" * size]


def create_rest_server(connections):
    """A server with one thread that answers and so many connections; not started."""
    return RestServer(answer, socket.create_server(("localhost", 0)), 1, connections)
