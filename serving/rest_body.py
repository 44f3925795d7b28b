"""The body of a request, inflated where it was sent compressed."""

from __future__ import annotations

import zlib

# Source: ZLib::kMaxUncompressedBytes of TensorFlow Serving's net_http.
MAX_INFLATED_BYTES = 100 * 1024 * 1024
_GZIP_WINDOW = 16 + zlib.MAX_WBITS


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
