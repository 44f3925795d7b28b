"""A name server for one name, as a cluster has it for a headless Service."""

from __future__ import annotations

import socket
import struct
import threading
from contextlib import contextmanager, suppress

NAME = "model-server.image-classifier.svc"
# Source: RFC 1035, sections 3.2 and 4.1.
_HEADER = struct.Struct("!6H")
_ANSWER = struct.Struct("!HHHIH4s")
_TYPE_A, _CLASS_IN = 1, 1
_IS_ANSWER, _NO_SUCH_NAME = 0x8400, 3
_NAME_AS_ASKED = 0xC00C
_MAX_DATAGRAM = 512


class NameServer:
    """Answers every question with its addresses; without any, there is no such name."""

    def __init__(self, listener):
        self._listener = listener
        self._asked = threading.Condition()
        self._questions = 0
        self.addresses = ()

    def target(self, port):
        """The gRPC target of the name at a port, asked of this server."""
        _, own_port = self._listener.getsockname()
        return f"dns://127.0.0.1:{own_port}/{NAME}:{port}"

    def serve(self):
        """Answer until the listener is closed."""
        with suppress(OSError):
            while True:
                query, caller = self._listener.recvfrom(_MAX_DATAGRAM)
                if not query:
                    return
                self._listener.sendto(answer(query, self.addresses), caller)
                with self._asked:
                    self._questions += asks_for_addresses(query)
                    self._asked.notify_all()

    def wait_for_questions(self, count, timeout_seconds):
        """True once it was asked for IPv4 addresses so often in its life."""
        with self._asked:
            return self._asked.wait_for(
                lambda: self._questions >= count, timeout_seconds
            )


def answer(query, addresses):
    """The reply to one question: A records as told, none of any other type."""
    id_, *_ = _HEADER.unpack_from(query)
    records = [socket.inet_aton(address) for address in addresses]
    shown = records if asks_for_addresses(query) else []
    status = _IS_ANSWER | (0 if records else _NO_SUCH_NAME)
    head = _HEADER.pack(id_, status, 1, len(shown), 0, 0)
    question = query[_HEADER.size : _name_end(query) + 4]
    parts = (
        _ANSWER.pack(_NAME_AS_ASKED, _TYPE_A, _CLASS_IN, 0, len(record), record)
        for record in shown
    )
    return head + question + b"".join(parts)


def asks_for_addresses(query):
    """True if a question is for IPv4 addresses."""
    return struct.unpack_from("!H", query, _name_end(query)) == (_TYPE_A,)


def _name_end(query):
    return query.index(b"\0", _HEADER.size) + 1


@contextmanager
def running_name_server():
    """A NameServer on a free port of 127.0.0.1."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as listener:
        listener.bind(("127.0.0.1", 0))
        server = NameServer(listener)
        thread = threading.Thread(target=server.serve)
        thread.start()
        try:
            yield server
        finally:
            # An empty datagram ends it; a closed socket would not wake it.
            listener.sendto(b"", listener.getsockname())
            thread.join()
