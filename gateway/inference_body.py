"""The bytes of an inference request: inflated, then parted into JSON and tensors.

Knows the Open Inference Protocol's framing, not what stands in the JSON.
"""

from __future__ import annotations

import re
import zlib
from dataclasses import dataclass

from gateway.errors import InvalidRequest, RequestTooLarge, UnsupportedContentType
from gateway.form_body import UploadRequest
from gateway.upload import read_bytes

# Source: KServe's "Binary Tensor Data Extension".
HEADER_LENGTH = "Inference-Header-Content-Length"
_LENGTH = re.compile(r"[0-9]{1,12}", re.ASCII)
_ENCODINGS = ("gzip", "deflate")
# Source: zlib.h: 32 more than the window's bits finds out whether it is gzip or zlib.
_GZIP_OR_ZLIB = zlib.MAX_WBITS | 32


@dataclass(frozen=True)
class InferenceBody:
    """JSON text and the tensors that lie behind it; None: the body is all JSON."""

    text: bytes
    binary: memoryview | None


def read_body(request: UploadRequest, most_bytes: int) -> InferenceBody:
    """The body of one request in its two parts.

    Args:
        most_bytes: Longest body, as it was sent and again once it is inflated.

    Raises:
        RequestTooLarge: It is longer.
        UnsupportedContentType: It is compressed in a way we do not read.
        InvalidRequest: It is cut short, does not inflate, or is shorter than the
            header says that its JSON is.
    """
    sent = read_bytes(request, most_bytes, _too_large(most_bytes))
    data = _inflate(sent, request, most_bytes)
    length = request.headers.get(HEADER_LENGTH)
    if length is None:
        return InferenceBody(data, None)
    if not _LENGTH.fullmatch(length) or int(length) > len(data):
        raise InvalidRequest(
            f"expected a length of the JSON up to the body's {len(data)} bytes in "
            f"{HEADER_LENGTH}, received {ascii(length)[:100]}"
        )
    return InferenceBody(data[: int(length)], memoryview(data)[int(length) :])


def _inflate(data: bytes, request: UploadRequest, most_bytes: int) -> bytes:
    """The body as it was before the client compressed it, if it did."""
    encoding = request.headers.get("Content-Encoding", "identity").strip().lower()
    if encoding == "identity":
        return data
    if encoding not in _ENCODINGS:
        raise UnsupportedContentType(
            f"expected a Content-Encoding of {', '.join(_ENCODINGS)} or none, "
            f"received {ascii(encoding)[:100]}"
        )
    inflater = zlib.decompressobj(_GZIP_OR_ZLIB)
    try:
        inflated = inflater.decompress(data, most_bytes + 1)
    except zlib.error as error:
        raise InvalidRequest(
            f"expected a body in {encoding}, received {len(data)} bytes that are not"
        ) from error
    if len(inflated) > most_bytes:
        raise _too_large(most_bytes)
    if not inflater.eof or inflater.unused_data:
        raise InvalidRequest(
            f"expected one whole stream of {encoding}, received "
            + ("more behind it" if inflater.eof else "one that is cut short")
        )
    return inflated


def _too_large(most_bytes: int) -> RequestTooLarge:
    return RequestTooLarge(
        f"expected at most {most_bytes} bytes in all, also once inflated, received more"
    )
