"""Compressed request bodies."""

from __future__ import annotations

import gzip
import zlib

import pytest

from serving.rest_body import MAX_INFLATED_BYTES, inflate_body

# Without the time, which is in the ids of tests: each worker of xdist has its own.
PACKED = gzip.compress(b"text", mtime=0)


@pytest.mark.parametrize(
    "body, encoding, text",
    [
        (b"text", "", b"text"),
        (PACKED, "", PACKED),
        (b"text", "identity", b"text"),
        (PACKED, "gzip", b"text"),
        (PACKED, "x-gzip", b"text"),
        (b"text", "gzip", b""),
        (b"", "gzip", b""),
        (PACKED[:-1], "gzip", b""),
        (PACKED[:12], "gzip", b""),
        (PACKED + b"more", "gzip", b""),
        (PACKED[:-8] + b"\0" * 8, "gzip", b""),
        (zlib.compress(b"text"), "gzip", b""),
    ],
)
def test_bodies(body, encoding, text):
    """gzip is inflated; what is broken becomes an empty document."""
    assert inflate_body(body, encoding) == text


@pytest.mark.parametrize("extra, is_whole", [(0, True), (1, False)])
def test_limit(extra, is_whole):
    """100 MB are taken, one byte more is not; a bomb never unfolds."""
    size = MAX_INFLATED_BYTES + extra
    packer = zlib.compressobj(wbits=31)
    body = packer.compress(bytes(size)) + packer.flush()

    assert len(inflate_body(body, "gzip")) == (size if is_whole else 0)
