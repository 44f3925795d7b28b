"""The lines that tell scripts which ports answer, where TensorFlow Serving logs."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import suppress

from serving.grpc_port import ALL_ADDRESSES


def tell_ready(grpc_port: int, socket_path: str, rest_port: int) -> None:
    """Say on stderr what is open by now; 0 and "" are what is not.

    Scripts and test frames wait for these sentences of TensorFlow Serving's log.
    """
    # Whoever started this may have closed the stream.
    with suppress(OSError, ValueError):
        for line in _describe(grpc_port, socket_path, rest_port):
            print(line, file=sys.stderr, flush=True)


def _describe(grpc_port: int, socket_path: str, rest_port: int) -> Iterator[str]:
    if grpc_port:
        yield f"Running gRPC ModelServer at {ALL_ADDRESSES}:{grpc_port} ..."
    if socket_path:
        yield f"Running gRPC ModelServer at UNIX socket {socket_path} ..."
    if rest_port:
        yield f"Exporting HTTP/REST API at:localhost:{rest_port} ..."
