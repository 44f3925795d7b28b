"""The body of a request, inflated where it was sent compressed."""

from __future__ import annotations

import zlib
from typing import IO

from werkzeug.exceptions import ClientDisconnected

from serving.errors import ServingError, invalid_argument

# Source: ZLib::kMaxUncompressedBytes of TensorFlow Serving's net_http.
MAX_INFLATED_BYTES = 100 * 1024 * 1024
_GZIP_WINDOW = 16 + zlib.MAX_WBITS
# Read in pieces: room for all of it is not made because a header says it is large.
# cheroot copies what it has for every chunk of a piece, and what is left of a chunk for
# every piece; this size keeps both small.
_PIECE_BYTES = 2**20
# OSError is a sender who fell silent in the middle of a chunk.
_BROKEN = (ValueError, OverflowError, MemoryError, OSError, ClientDisconnected)


def read_body(stream: IO[bytes]) -> bytes:
    """All that was sent.

    Raises:
        ServingError: INVALID_ARGUMENT; chunks that are none, or an early end.
    """
    pieces = []
    try:
        while piece := stream.read(_PIECE_BYTES):
            pieces.append(piece)
    except _BROKEN as error:
        raise _broken_body(str(error)) from error
    # cheroot's reader of a body with a length; it ends early without a word.
    missing = getattr(stream, "remaining", 0)
    if missing:
        raise _broken_body(f"{missing} bytes less")
    return b"".join(pieces)


def _broken_body(received: str) -> ServingError:
    return invalid_argument(f"expected a body as its header says, received {received}")


def inflate_body(body: bytes, content_encoding: str) -> bytes:
    """The body as its sender wrote it.

    Args:
        body: As it came.
        content_encoding: The header of that name, "" if there was none.

    Returns:
        Nothing, where a gzip body is broken, cut, or too large inflated.
    """
    if "gzip" not in content_encoding:
        return body
    inflater = zlib.decompressobj(_GZIP_WINDOW)
    try:
        inflated = inflater.decompress(body, MAX_INFLATED_BYTES + 1)
    except zlib.error:
        return b""
    is_whole = inflater.eof and not inflater.unused_data
    return inflated if is_whole and len(inflated) <= MAX_INFLATED_BYTES else b""
