"""Two hundred clients who send one byte a second, and never come to an end."""

from __future__ import annotations

import itertools
import socket
import threading
from contextlib import ExitStack, contextmanager

HEAD = b"POST /predict HTTP/1.1\r\nHost: a\r\nContent-Type: image/jpeg\r\n"
# What each kind sends at once, and what it goes on with byte by byte.
KINDS = {
    "silent": (b"", b""),
    "slow head": (b"", HEAD + b"X-Slow: " + b"a" * 1000),
    "slow second head": (b"GET /livez HTTP/1.1\r\nHost: a\r\n\r\n", HEAD),
    "slow body": (HEAD + b"Content-Length: 100000\r\n\r\n\xff\xd8", bytes(1000)),
    "slow huge body": (HEAD + b"Content-Length: 900000000\r\n\r\n", bytes(1000)),
    "slow chunks": (
        HEAD + b"Transfer-Encoding: chunked\r\n\r\n",
        b"1\r\nx\r\n" * 200,
    ),
    # Asks for pages that it never reads.
    "deaf": (b"GET / HTTP/1.1\r\nHost: a\r\n\r\n" * 300, b"GET / HTTP/1.1\r\n"),
    "slow word to go on": (
        HEAD + b"Expect: 100-continue\r\nContent-Length: 100000\r\n\r\n",
        bytes(1000),
    ),
}


class SlowClients:
    """So many connections, of all kinds in turn, fed by one thread."""

    def __init__(self, port, count, interval_seconds=1.0):
        self._port = port
        self._count = count
        self._interval_seconds = interval_seconds
        self._ending = threading.Event()
        self.has_dripped = threading.Event()
        self.rounds = 0

    @contextmanager
    def running(self):
        """Connected and dripping until the block ends; who is left comes back."""
        kinds = list(itertools.islice(itertools.cycle(KINDS.values()), self._count))
        with ExitStack() as stack:
            clients = [[None, b"", stack.enter_context(ExitStack())] for _ in kinds]
            for client, kind in zip(clients, kinds):
                self._connect(client, kind)
            thread = threading.Thread(target=self._drip, args=(clients, kinds))
            thread.start()
            try:
                yield self
            finally:
                self._ending.set()
                thread.join()

    def _connect(self, client, kind):
        at_once, left = kind
        client[2].close()
        connection = client[2].enter_context(socket.socket())
        connection.settimeout(30)
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        connection.connect(("127.0.0.1", self._port))
        connection.sendall(at_once)
        client[:2] = [connection, left]

    def _drip(self, clients, kinds):
        while not self._ending.wait(self._interval_seconds):
            for client, kind in zip(clients, kinds):
                try:
                    client[0].sendall(client[1][:1])
                    client[1] = client[1][1:]
                except OSError:
                    self._connect(client, kind)
            self.rounds += 1
            self.has_dripped.set()
