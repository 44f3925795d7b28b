"""What gunicorn's reader sees of a connection while one body is read by its thread.

Owns how much and how slowly a body may still come; most have come before.
"""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING

from gateway.arrivals import STALLED_SECONDS, Arrival

if TYPE_CHECKING:
    from gunicorn.http.message import Request


class BodySocket:
    """The bytes that have come already, then those of the connection."""

    def __init__(
        self,
        connection: socket.socket,
        arrival: Arrival,
        request: Request,
        max_bytes: int,
    ) -> None:
        self._connection = connection
        self._arrival = arrival
        self._request = request
        self._bytes_left = max_bytes
        self._patience = arrival.new_patience()
        connection.settimeout(STALLED_SECONDS)

    def recv(self, size: int) -> bytes:
        """The next bytes; none when the client has sent too many.

        Raises:
            TimeoutError: The client stalls, or is slower than it may be.
        """
        if self._bytes_left <= 0:
            self._request.force_close()
            return b""
        received = self._arrival.recv(size) or self._recv_more(size)
        self._bytes_left -= len(received)
        return received

    def _recv_more(self, size: int) -> bytes:
        try:
            if self._patience.is_over:
                raise TimeoutError("the body comes too slowly")
            received = self._connection.recv(size)
        except TimeoutError:
            self._request.force_close()
            raise
        self._patience.earn(len(received))
        return received
