"""Answers as they come in pieces, on bytes written by hand."""

from __future__ import annotations

import pytest

from tests.benchmark.table.crowd import LOST, join_chunks, read_message

SIZED = b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\n[1]\n"
CHUNKED = (
    b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n"
    b"3\r\n[1,\r\n2;x=y\r\n2]\r\n0\r\n\r\n"
)
UNTIL_CLOSED = b"HTTP/1.1 503 Busy\r\nConnection: close\r\n\r\nlater"


@pytest.mark.parametrize("message", [SIZED, CHUNKED, UNTIL_CLOSED])
def test_every_cut(message):
    """No part of an answer is taken for the whole; cut off there, it is lost."""
    for length in range(len(message)):
        part = message[:length]
        assert read_message(part, is_closed=False) is None
        if message is not UNTIL_CLOSED or b"\r\n\r\n" not in part:
            assert read_message(part, is_closed=True) == (LOST, b"", False)


@pytest.mark.parametrize(
    "message, is_closed, expected",
    [
        (SIZED, False, (200, b"[1]\n", True)),
        (CHUNKED, False, (200, b"[1,2]", True)),
        (UNTIL_CLOSED, True, (503, b"later", False)),
    ],
)
def test_whole(message, is_closed, expected):
    """Status, body and whether the next request may take the same connection."""
    assert read_message(message, is_closed) == expected


def test_join_chunks():
    """Lengths are hexadecimal; what looks like an end inside a chunk is none."""
    inside = b"a\r\n0\r\n\r\nb"

    body = b"%x\r\n%s\r\n0\r\n\r\n" % (len(inside), inside)

    assert join_chunks(body) == inside
