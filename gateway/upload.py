"""A request becomes the bytes of its pictures; one set of limits for every form."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from werkzeug.exceptions import RequestEntityTooLarge

from gateway.body import Address, Body, Entry, Picture
from gateway.errors import (
    GatewayError,
    ImageTooLarge,
    InvalidRequest,
    MissingImage,
    RequestTooLarge,
    UnsupportedContentType,
)
from gateway.fetch_all import Fetch, FetchLimits, fetch_all
from gateway.form_body import UploadRequest, read_form
from gateway.json_body import read_json
from gateway.query import read_query
from gateway.timings import FETCH, Stopwatch

if TYPE_CHECKING:
    from gateway.settings import Settings

# Around the picture: part headers, form fields, JSON braces, line breaks in base64.
_ENVELOPE_BYTES = 64 * 1024
_EXPECTED = (
    "multipart/form-data with files, image/*, application/octet-stream, or "
    'application/json with {"image": base64} or {"url": address}'
)


@dataclass(frozen=True)
class BatchLimits:
    """How many pictures a request may hold, and their bytes and fetches in all."""

    pictures: int
    picture_bytes: int
    fetch_seconds: float

    @classmethod
    def from_settings(cls, settings: Settings) -> BatchLimits:
        """What the gateway was told of requests with several pictures."""
        return cls(
            settings.max_images,
            settings.max_body_bytes,
            settings.fetch_timeout_seconds,
        )


@dataclass(frozen=True)
class Upload:
    """Encoded pictures in the order sent, and the fields of form or JSON beside them.

    One of several pictures may be an error instead, in its place; a single one is not.
    """

    pictures: tuple[Picture, ...]
    fields: Mapping[str, object] = field(default_factory=dict)

    @property
    def model(self) -> str | None:
        """The model that the body names."""
        return read_query(self.fields).model


def read_upload(
    request: UploadRequest,
    max_bytes: int,
    fetch: Fetch,
    batch: BatchLimits | None = None,
    watch: Stopwatch | None = None,
) -> Upload:
    """The pictures of one request, and what its form or JSON says beside them.

    Args:
        max_bytes: Largest picture, as a file; base64 may be longer by its own share.
        fetch: Gets the picture at a public address.
        batch: Without it, exactly one picture is taken.
        watch: Told how long fetches took.

    Raises:
        GatewayError: No picture or too many of them, too many bytes, a body of
            another kind; or, if there is one picture, whatever is wrong with it.
    """
    limits = _Limits.of(max_bytes, batch)
    body = _read_body(request, limits)
    if len(body.entries) > 1 and _count_bytes(body.entries) > limits.total_bytes:
        raise _too_large(limits)
    pictures = _get_pictures(body, fetch, limits, watch or Stopwatch())
    checked = tuple(_check_bytes(picture, max_bytes) for picture in pictures)
    if len(checked) == 1 and isinstance(checked[0], GatewayError):
        raise checked[0]
    return Upload(checked, body.fields)


@dataclass(frozen=True)
class _Limits:
    """Every limit of one request; text is longer than the bytes it encodes."""

    picture_bytes: int
    pictures: int
    total_bytes: int
    fetch_seconds: float

    @classmethod
    def of(cls, max_bytes: int, batch: BatchLimits | None) -> _Limits:
        """One picture always fits, however small the batch's own limit is."""
        if batch is None:
            # One picture's fetch knows itself how long it may take.
            return cls(max_bytes, 1, max_bytes, math.inf)
        total_bytes = max(max_bytes, batch.picture_bytes)
        return cls(max_bytes, batch.pictures, total_bytes, batch.fetch_seconds)

    @property
    def form_bytes(self) -> int:
        """The longest form."""
        return self.total_bytes + _ENVELOPE_BYTES

    @property
    def json_bytes(self) -> int:
        """The longest JSON: base64 takes 4 bytes for 3, and line breaks."""
        return self.total_bytes * 3 // 2 + _ENVELOPE_BYTES


def _read_body(request: UploadRequest, limits: _Limits) -> Body:
    kind = request.mimetype
    if kind == "multipart/form-data":
        request.max_content_length = limits.form_bytes
        try:
            return read_form(request, limits.pictures)
        except RequestEntityTooLarge as error:
            raise _form_too_large(request, limits) from error
    if kind == "application/json":
        return read_json(
            read_bytes(request, limits.json_bytes, _too_large(limits)), limits.pictures
        )
    if kind.startswith("image/") or kind in ("application/octet-stream", ""):
        too_large = _picture_too_large(limits.picture_bytes)
        data = read_bytes(request, limits.picture_bytes, too_large)
        if not data and not kind:
            raise MissingImage(f"expected {_EXPECTED}, received nothing")
        return Body((data,), {})
    raise UnsupportedContentType(f"expected {_EXPECTED}, received {kind[:100]}")


def read_bytes(request: UploadRequest, most: int, too_large: GatewayError) -> bytes:
    """The whole body; of one that is longer, no more than a byte beyond the limit.

    Raises:
        GatewayError: too_large if it is, InvalidRequest if it ends too early.
    """
    request.max_content_length = most + 1
    try:
        data = request.get_data(cache=False)
    except RequestEntityTooLarge as error:
        raise too_large from error
    if len(data) > most:
        raise too_large
    if len(data) < (request.content_length or 0):
        raise InvalidRequest(
            f"expected {request.content_length} bytes, received {len(data)}"
        )
    return data


def _get_pictures(
    body: Body, fetch: Fetch, limits: _Limits, watch: Stopwatch
) -> tuple[Picture, ...]:
    """The body's entries, once what they only name is fetched."""
    urls = [entry.url for entry in body.entries if isinstance(entry, Address)]
    if not urls:
        return body.entries
    with watch.stage(FETCH):
        if len(body.entries) == 1:
            return (fetch(urls[0]),)
        left = limits.total_bytes - _count_bytes(body.entries)
        fetched = iter(fetch_all(urls, fetch, FetchLimits(limits.fetch_seconds, left)))
    return tuple(
        next(fetched) if isinstance(entry, Address) else entry for entry in body.entries
    )


def _check_bytes(picture: Picture, max_bytes: int) -> Picture:
    if isinstance(picture, bytes) and len(picture) > max_bytes:
        return _picture_too_large(max_bytes)
    return picture


def _picture_too_large(max_bytes: int) -> ImageTooLarge:
    return ImageTooLarge(f"expected at most {max_bytes} bytes, received more")


def _count_bytes(entries: Sequence[Entry]) -> int:
    return sum(len(entry) for entry in entries if isinstance(entry, bytes))


def _too_large(limits: _Limits) -> GatewayError:
    """The pictures are too long: the one that is allowed, or several in all."""
    if limits.pictures == 1:
        return _picture_too_large(limits.picture_bytes)
    return RequestTooLarge(
        f"expected at most {limits.total_bytes} bytes of pictures in all, received more"
    )


def _form_too_large(request: UploadRequest, limits: _Limits) -> GatewayError:
    """Werkzeug says the same of a long body, of many parts and of a long text field."""
    if (request.content_length or 0) > limits.form_bytes:
        return _too_large(limits)
    return RequestTooLarge(
        f"expected at most {limits.form_bytes} bytes, {request.max_form_parts} parts "
        f"and {request.max_form_memory_size} bytes of text in one form, received more"
    )
