"""What gunicorn's reader sees of a connection while one body is read by its thread.

Owns how much and how slowly a body may still come; most have come before. And in what
pieces it is read: gunicorn takes 1,024 bytes at a time, 2 ms for each megabyte.
"""

from __future__ import annotations

import io
import socket
from typing import TYPE_CHECKING, Protocol

from gateway.arrivals import STALLED_SECONDS, Arrival

if TYPE_CHECKING:
    from gunicorn.http.message import Request

_PIECE_BYTES = 64 * 1024


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


class BodyReader(Protocol):
    """What gunicorn reads a body with: by its length, or chunk by chunk."""

    def read(self, size: int) -> bytes:
        """So many bytes, or what is left; none at the end."""


class _Pieces(io.RawIOBase):
    """A body as io's buffers want it."""

    def __init__(self, reader: BodyReader) -> None:
        super().__init__()
        self._reader = reader

    def readable(self) -> bool:
        """True: nothing is written here."""
        return True

    def readinto(self, buffer: memoryview) -> int:
        """Fill a buffer as far as the body goes; how many bytes that were."""
        piece = self._reader.read(len(buffer))
        buffer[: len(piece)] = piece
        return len(piece)


def buffer_body(reader: BodyReader) -> io.BufferedReader:
    """A body as a WSGI application reads it."""
    return io.BufferedReader(_Pieces(reader), _PIECE_BYTES)
