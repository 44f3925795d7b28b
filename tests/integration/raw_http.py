"""HTTP written byte by byte, whole or in part, to the REST port of a server."""

from __future__ import annotations

import json
import re
import socket
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

TIMEOUT_SECONDS = 30
ONE = b'{"instances": [1]}'


@dataclass(frozen=True)
class Reply:
    """One answer; head is the status line and the header fields."""

    head: bytes
    body: bytes

    @property
    def status(self):
        """The code of the status line."""
        return int(self.head.split(b" ", 2)[1])

    @property
    def json(self):
        """The document."""
        return json.loads(self.body)


def connect(port):
    """An open connection; whoever reads from it waits TIMEOUT_SECONDS at most."""
    return socket.create_connection(("localhost", port), TIMEOUT_SECONDS)


@contextmanager
def connect_many(port, count, data):
    """So many open connections, each of which has sent the data."""
    with ExitStack() as stack:
        connections = [stack.enter_context(connect(port)) for _ in range(count)]
        for connection in connections:
            connection.sendall(data)
        yield connections


def write_head(start, *fields):
    """The request line and header fields, up to the body."""
    return "\r\n".join((start, "Host: localhost", *fields, "", "")).encode("latin-1")


def write_post(path, *fields, body=ONE):
    """A whole POST."""
    length = f"Content-Length: {len(body)}"
    return write_head(f"POST {path} HTTP/1.1", length, *fields) + body


def read_reply(connection, has_body=True):
    """The next answer, read to its last byte and no further."""
    head = b""
    while not head.endswith(b"\r\n\r\n"):
        byte = connection.recv(1)
        assert byte, head
        head += byte
    length = re.search(rb"(?i)\r\ncontent-length: ([0-9]+)", head)
    left = int(length[1]) if length and has_body else 0
    pieces = []
    while left:
        pieces.append(connection.recv(left))
        assert pieces[-1], head
        left -= len(pieces[-1])
    return Reply(head, b"".join(pieces))


def read_to_end(connection):
    """Everything until the server hangs up, politely or not."""
    data = b""
    try:
        while piece := connection.recv(2**16):
            data += piece
    except ConnectionResetError:
        pass
    return data


def ask(port, data):
    """The answer to a request on a connection of its own."""
    with connect(port) as connection:
        connection.sendall(data)
        return read_reply(connection)


def ask_all(port, data):
    """What comes back until the end, of a sender who has nothing more to say."""
    with connect(port) as connection:
        connection.sendall(data)
        connection.shutdown(socket.SHUT_WR)
        return read_to_end(connection)
