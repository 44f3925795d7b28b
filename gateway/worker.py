"""Gunicorn's threaded worker, made to outlast slow clients and idle connections.

Owns how long a request's body may take and how a worker ends; knows no routes.
"""

from __future__ import annotations

import ctypes
import socket
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from gunicorn.workers.gthread import TConn, ThreadWorker

if TYPE_CHECKING:
    from gunicorn.http.message import Request

# A body that stalls for so long, or comes slower than this rate for longer, is given
# up: its thread is needed. 10 MB from a phone at 1 Mbit/s take 80 s of 210 allowed.
STALLED_SECONDS = 10.0
SLOWEST_BYTES_PER_SECOND = 50_000
# What a client may send beyond the largest upload before we hang up on it. Up to
# here it gets its 413: an answer that overtakes its body is lost in a reset.
DRAIN_BYTES = 64 * 1024 * 1024
_LOOK_SECONDS = 1.0


# Source: malloc.h of glibc.
_M_MMAP_THRESHOLD = -3
_LARGE_BLOCK_BYTES = 1024 * 1024


class GatewayWorker(ThreadWorker):
    """A thread per request; a subclass, since gunicorn has no hook for all of this."""

    def init_process(self) -> None:
        """Start to serve, with memory that goes back when it is freed."""
        return_large_blocks()
        super().init_process()

    def handle_request(self, req: Request, conn: TConn) -> bool:
        """Answer one request whose body is read through a BodySocket."""
        settings = self.app.settings
        largest_upload = max(2 * settings.max_image_bytes, settings.max_body_bytes)
        body = BodySocket(conn.sock, req, largest_upload + DRAIN_BYTES)
        req.unreader.sock = body
        try:
            return super().handle_request(req, conn)
        finally:
            req.unreader.sock = conn.sock

    def wait_for_and_dispatch_events(self, timeout: float) -> None:
        """Look around every second, also while ending.

        Gunicorn sleeps through its whole graceful_timeout as long as one client keeps
        an idle connection open. By then the Service sends us nothing new.
        """
        if not self.alive:
            for conn in (*self.keepalived_conns, *self.pending_conns):
                conn.timeout = 0.0
        super().wait_for_and_dispatch_events(min(timeout, _LOOK_SECONDS))


def return_large_blocks() -> None:
    """Let glibc give large blocks back to the system as soon as they are freed.

    Left alone, it keeps what huge pictures took, in every thread: after 16 pictures of
    49 megapixels at once 2.6 GB, with this 80 MB.
    """
    set_option = getattr(ctypes.CDLL(None), "mallopt", None)
    if set_option is not None:
        set_option(_M_MMAP_THRESHOLD, _LARGE_BLOCK_BYTES)


class BodySocket:
    """What gunicorn's reader sees of a connection while one body is read."""

    def __init__(
        self,
        connection: socket.socket,
        request: Request,
        max_bytes: int,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._clock = clock
        self._connection = connection
        self._request = request
        self._bytes_left = max_bytes
        self._ends_at = clock() + STALLED_SECONDS
        connection.settimeout(STALLED_SECONDS)

    def recv(self, size: int) -> bytes:
        """The next bytes; none when the client has sent too many.

        Raises:
            TimeoutError: The client stalls, or is slower than it may be.
        """
        if self._bytes_left <= 0:
            self._request.force_close()
            return b""
        try:
            if self._clock() > self._ends_at:
                raise TimeoutError("the body comes too slowly")
            received = self._connection.recv(size)
        except TimeoutError:
            self._request.force_close()
            raise
        self._bytes_left -= len(received)
        self._ends_at += len(received) / SLOWEST_BYTES_PER_SECOND
        return received
