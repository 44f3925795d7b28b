"""One request as it arrives: whether it is whole, and how long it may still take.

Knows no sockets and no threads. Whether it is sound is for the parser of the WSGI
server, which reads the same bytes; all that is decided here is when it gets them.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable

# A client that stalls for so long, or is slower than this rate for as long, is given
# up. 10 MB from a phone at 1 Mbit/s take 80 s and come at twice the rate.
STALLED_SECONDS = 10.0
SLOWEST_BYTES_PER_SECOND = 50_000
# Browsers and proxies stay below 16 KB, cookies of other sites on the host included.
MAX_HEAD_BYTES = 64 * 1024
CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"

_HEAD_END = b"\r\n\r\n"
_LENGTH = re.compile(rb"\r\ncontent-length:[ \t]*0*([0-9]{1,18})[ \t]*\r\n", re.I)
_CHUNKED = re.compile(rb"\r\ntransfer-encoding:[^\r\n]*chunked", re.I)
_EXPECT = re.compile(rb"\r\nexpect:[ \t]*100-continue[ \t]*(?=\r\n)", re.I)
# The last chunk and short trailers; longer ones are found whole when time is up.
_LAST_CHUNK = re.compile(rb"\r\n0+(?:;[^\r\n]*)?\r\n(?:[^\r\n]+\r\n)*\r\n\Z")
_LAST_CHUNK_BYTES = 256


class Patience:
    """Time that runs out, and is earned by sending; never more than it began with."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._ends_at = clock() + STALLED_SECONDS

    def earn(self, count: int) -> None:
        """So many bytes have come."""
        earned = self._ends_at + count / SLOWEST_BYTES_PER_SECOND
        self._ends_at = min(earned, self._clock() + STALLED_SECONDS)

    @property
    def is_over(self) -> bool:
        """True once the client has stalled or crawled for too long."""
        return self._clock() > self._ends_at


class Arrival:
    """The bytes of one request so far, read again by the parser through recv."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self.patience = Patience(clock)
        self.is_late = False
        self._data = bytearray()
        self._given = 0
        self._head_bytes = 0
        self._whole_bytes: int | None = None

    def add(self, piece: bytes) -> None:
        """The next bytes have come."""
        searched = max(0, len(self._data) - len(_HEAD_END))
        self._data += piece
        self.patience.earn(len(piece))
        if not self._head_bytes:
            end = self._data.find(_HEAD_END, searched)
            if end >= 0:
                self._head_bytes = end + len(_HEAD_END)
                self._whole_bytes = self._read_length()

    def new_patience(self) -> Patience:
        """Time anew, by the same clock: waiting for a thread is not the client's."""
        return self.patience if self.is_late else Patience(self._clock)

    @property
    def size(self) -> int:
        """How many bytes are held."""
        return len(self._data)

    @property
    def has_head(self) -> bool:
        """True once the empty line after the header fields is there."""
        return self._head_bytes > 0

    @property
    def is_head_too_long(self) -> bool:
        """True if the header fields go on for longer than anybody's."""
        return not self.has_head and len(self._data) > MAX_HEAD_BYTES

    @property
    def is_whole(self) -> bool:
        """True once a parser would wait for nothing more, as far as the head tells."""
        if not self.has_head:
            return False
        if self._whole_bytes is not None:
            return len(self._data) >= self._whole_bytes
        tail = self._data[max(self._head_bytes - 2, self.size - _LAST_CHUNK_BYTES) :]
        return tail.endswith(_HEAD_END) and _LAST_CHUNK.search(tail) is not None

    def accept_expectation(self) -> bool:
        """Strike the field Expect; True if the client waits for a word to go on."""
        head = self._data[: self._head_bytes]
        is_new = head.partition(b"\r\n")[0].endswith(b" HTTP/1.1")
        if self.is_whole or not is_new or not _EXPECT.search(head):
            return False
        shorter = _EXPECT.sub(b"", head)
        self._data[: self._head_bytes] = shorter
        self._whole_bytes = self._whole_bytes and (
            self._whole_bytes - len(head) + len(shorter)
        )
        self._head_bytes = len(shorter)
        return True

    def recv(self, size: int) -> bytes:
        """The next bytes for the parser, as a socket gives them; none at the end."""
        piece = bytes(self._data[self._given : self._given + size])
        self._given += len(piece)
        return piece

    def rest(self) -> bytes:
        """What the parser has left: the beginning of the next request."""
        return bytes(self._data[self._given :])

    def _read_length(self) -> int | None:
        """Bytes of head and body; None if the body comes in chunks.

        What contradicts itself is whole with its head: the parser will refuse it.
        """
        head = self._data[: self._head_bytes]
        lengths = _LENGTH.findall(head)
        is_chunked = _CHUNKED.search(head) is not None
        if is_chunked and not lengths:
            return None
        body_bytes = int(lengths[0]) if lengths and not is_chunked else 0
        return self._head_bytes + body_bytes
