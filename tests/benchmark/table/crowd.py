"""Many HTTP clients in one thread: whole requests out, whole answers back.

Sixteen threads of http.client cost a third of what the servers here cost; one loop
over sockets costs a tenth of that.
"""

from __future__ import annotations

import math
import selectors
import socket
from contextlib import suppress
from dataclasses import dataclass, field

_HEAD_END = b"\r\n\r\n"
_LAST_CHUNK = b"\r\n0\r\n\r\n"
_CHUNK_BYTES = 65536
CONNECT_SECONDS = 10.0
OK = 200
LOST = 0


@dataclass
class _Client:
    """One connection; began_at is when its answer began to be waited for."""

    connection: socket.socket | None = None
    unsent: memoryview = field(default_factory=lambda: memoryview(b""))
    received: bytearray = field(default_factory=bytearray)
    began_at: float = math.nan


class Crowd:
    """Clients of one port, each with one request under way at most."""

    def __init__(self, port, clients):
        self._port = port
        self._selector = selectors.DefaultSelector()
        self.idle = [_Client() for _ in range(clients)]
        self.busy = 0

    def send(self, request, began_at):
        """An idle client's next request; took counts from began_at.

        Raises:
            OSError: Nobody listens any more.
        """
        client = self.idle.pop()
        client.began_at, client.unsent = began_at, memoryview(request)
        self.busy += 1
        if client.connection is None:
            address = ("127.0.0.1", self._port)
            client.connection = socket.create_connection(address, CONNECT_SECONDS)
            client.connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            client.connection.setblocking(False)
            self._selector.register(client.connection, selectors.EVENT_READ, client)
        self._write(client)

    def answers(self, timeout_seconds):
        """(began_at, status, body) of what came in that time; LOST for no answer."""
        found = []
        for key, events in self._selector.select(max(timeout_seconds, 0)):
            if events & selectors.EVENT_WRITE:
                self._write(key.data)
            if events & selectors.EVENT_READ:
                found += self._read(key.data)
        return found

    def close(self):
        """Hang up, whatever is under way."""
        for key in list(self._selector.get_map().values()):
            key.fileobj.close()
        self._selector.close()

    def _write(self, client):
        with suppress(BlockingIOError, ConnectionError):
            sent = client.connection.send(client.unsent)
            client.unsent = client.unsent[sent:]
        wanted = selectors.EVENT_READ
        if client.unsent:
            wanted |= selectors.EVENT_WRITE
        if self._selector.get_key(client.connection).events != wanted:
            self._selector.modify(client.connection, wanted, client)

    def _read(self, client):
        """The answer in a list when it is whole; an empty list before."""
        try:
            chunk = client.connection.recv(_CHUNK_BYTES)
        except BlockingIOError:
            return []
        except ConnectionError:
            chunk = b""
        client.received += chunk
        message = read_message(client.received, is_closed=not chunk)
        if message is None:
            return []
        status, body, stays_open = message
        if not (chunk and stays_open):
            self._hang_up(client)
        if math.isnan(client.began_at):
            return []
        began_at, client.began_at = client.began_at, math.nan
        client.received.clear()
        self.busy -= 1
        self.idle.append(client)
        return [(began_at, status, body)]

    def _hang_up(self, client):
        self._selector.unregister(client.connection)
        client.connection.close()
        client.connection, client.unsent = None, memoryview(b"")


def read_message(received, is_closed):
    """(status, body, whether the connection stays open), or None while it is not whole.

    Args:
        received: All bytes since the request.
        is_closed: The server will send no more; what is not whole is LOST.
    """
    head, separator, rest = bytes(received).partition(_HEAD_END)
    lost = (LOST, b"", False) if is_closed else None
    if not separator:
        return lost
    first, *lines = head.split(b"\r\n")
    fields = dict(line.lower().split(b":", 1) for line in lines)
    status = int(first.split(b" ", 2)[1])
    stays_open = fields.get(b"connection", b"").strip() != b"close"
    if fields.get(b"transfer-encoding", b"").strip() == b"chunked":
        is_whole = (b"\r\n" + rest).endswith(_LAST_CHUNK)
        rest = join_chunks(rest) if is_whole else rest
    elif b"content-length" in fields:
        is_whole = len(rest) >= int(fields[b"content-length"])
    else:
        is_whole = is_closed
    return (status, rest, stays_open) if is_whole else lost


def join_chunks(body):
    """What a whole body in chunks says."""
    joined, position = b"", 0
    while True:
        line_end = body.index(b"\r\n", position)
        length = int(body[position:line_end].partition(b";")[0], 16)
        if not length:
            return joined
        start = line_end + len(b"\r\n")
        joined += body[start : start + length]
        position = start + length + len(b"\r\n")
