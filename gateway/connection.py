"""One client's connection to gunicorn's worker, and its next request on the way."""

from __future__ import annotations

import array
import fcntl
import io
import socket
import termios
import time
from contextlib import suppress
from typing import Any

from gunicorn.workers.gthread import TConn

from gateway.arrivals import Arrival

# A client that has not taken so much of its answers gets no further one. Below it an
# answer fits into the system's memory and no thread waits for the client to read.
MAX_UNREAD_BYTES = 64 * 1024
_SEND_BUFFER_BYTES = 512 * 1024


class Connection(TConn):
    """One client's connection, and what it has sent of its next request."""

    def __init__(self, *parts: Any) -> None:
        super().__init__(*parts)
        self.arrival = Arrival()
        self.is_held_back = False
        self.waits_since = time.monotonic()
        with suppress(OSError):
            self.sock.setsockopt(
                socket.SOL_SOCKET, socket.SO_SNDBUF, _SEND_BUFFER_BYTES
            )

    def begin(self) -> None:
        """Expect a request; what is left of the one before is its beginning."""
        self.init()
        self.sock.setblocking(False)
        unreader = self.parser.unreader
        left = unreader.buf.getvalue() + self.arrival.rest()
        unreader.buf = io.BytesIO()
        self.arrival = Arrival()
        self.arrival.add(left)
        self.waits_since = time.monotonic()

    @property
    def has_begun(self) -> bool:
        """True if the next request came on the heels of the one before."""
        return bool(self.parser.unreader.buf.getvalue() or self.arrival.rest())

    @property
    def is_deaf(self) -> bool:
        """True if the client asks on without reading what it was answered."""
        # On Linux, of a socket: the bytes the other side has not acknowledged.
        unread = array.array("i", [0])
        with suppress(OSError):
            fcntl.ioctl(self.sock, termios.TIOCOUTQ, unread)
        return unread[0] > MAX_UNREAD_BYTES
