"""A request becomes the bytes of its pictures; one set of limits for every form."""

from __future__ import annotations

import base64
import binascii
import io
import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import IO

from flask import Request
from werkzeug.exceptions import RequestEntityTooLarge

from gateway.errors import (
    ImageTooLarge,
    InvalidRequest,
    MissingImage,
    UnsupportedContentType,
)

Fetch = Callable[[str], bytes]

# Around the picture: part headers, form fields, JSON braces, line breaks in base64.
_ENVELOPE_BYTES = 64 * 1024
_EXPECTED = (
    "multipart/form-data with one file, image/*, application/octet-stream, or "
    'application/json with {"image": base64} or {"url": address}'
)


@dataclass(frozen=True)
class Upload:
    """What a body holds: encoded pictures (one for now), and the model it names."""

    pictures: tuple[bytes, ...]
    model: str | None = None


class UploadRequest(Request):
    """A request whose files stay in memory: the root file system may be read-only."""

    def _get_file_stream(
        self,
        total_content_length: int | None,
        content_type: str | None,
        filename: str | None = None,
        content_length: int | None = None,
    ) -> IO[bytes]:
        return io.BytesIO()


def read_upload(request: Request, max_bytes: int, fetch: Fetch) -> Upload:
    """The pictures of one request, and the model that its form or JSON names.

    Args:
        max_bytes: Largest picture, as a file; base64 may be longer by its own share.
        fetch: Gets the picture at a public address.

    Raises:
        GatewayError: No picture or too many of them, too many bytes, or a body of
            another kind.
    """
    kind = request.mimetype
    try:
        if kind == "multipart/form-data":
            upload = _from_form(request, max_bytes, fetch)
        elif kind == "application/json":
            upload = _from_json(request, max_bytes, fetch)
        elif kind.startswith("image/") or kind in ("application/octet-stream", ""):
            upload = Upload((_read_body(request, max_bytes),))
        else:
            raise UnsupportedContentType(f"expected {_EXPECTED}, received {kind[:100]}")
    except RequestEntityTooLarge as error:
        raise _too_large(max_bytes) from error
    if not any(upload.pictures) and not kind:
        raise MissingImage(f"expected {_EXPECTED}, received nothing")
    if max(map(len, upload.pictures)) > max_bytes:
        raise _too_large(max_bytes)
    return upload


def _too_large(max_bytes: int) -> ImageTooLarge:
    return ImageTooLarge(f"expected at most {max_bytes} bytes, received more")


def _read_body(request: Request, max_bytes: int) -> bytes:
    """The whole body, or one byte more than allowed of a chunked one."""
    request.max_content_length = max_bytes + 1
    body = request.get_data(cache=False)
    if len(body) > max_bytes:
        raise RequestEntityTooLarge
    if len(body) < (request.content_length or 0):
        raise InvalidRequest(
            f"expected {request.content_length} bytes, received {len(body)}"
        )
    return body


def _from_form(request: Request, max_bytes: int, fetch: Fetch) -> Upload:
    """The one file of a form, whatever its field is called, or its field url."""
    request.max_content_length = max_bytes + _ENVELOPE_BYTES
    # A browser sends an empty file without a name when none was chosen.
    files = [file for _, file in request.files.items(multi=True) if file.filename]
    url = request.form.get("url", "").strip()
    if len(files) + bool(url) != 1:
        raise MissingImage(
            "expected one file, or an address in the field 'url', received "
            f"{len(files)} files" + (" and an address" if url else "")
        )
    picture = files[0].read() if files else fetch(url)
    return Upload((picture,), request.form.get("model"))


def _from_json(request: Request, max_bytes: int, fetch: Fetch) -> Upload:
    body = _read_body(request, max_bytes * 3 // 2 + _ENVELOPE_BYTES)
    try:
        document = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise InvalidRequest("expected a body that is valid JSON") from error
    if not isinstance(document, dict):
        raise InvalidRequest(f"expected a JSON object, received {_kind(document)}")
    fields = [name for name in ("image", "url") if name in document]
    if len(fields) != 1:
        raise MissingImage(
            "expected one of the fields 'image' (base64) and 'url', received "
            f"{' and '.join(fields) or 'neither'}"
        )
    for name in (*fields, "model"):
        value = document.get(name, "")
        if not isinstance(value, str):
            raise InvalidRequest(f"expected text as '{name}', received {_kind(value)}")
    read = fetch if fields[0] == "url" else _from_base64
    return Upload((read(document[fields[0]]),), document.get("model"))


def _from_base64(text: str) -> bytes:
    """Plain or URL-safe base64, with line breaks, padding or a data URL's head."""
    if text[:5].lower() == "data:":
        head, comma, text = text.partition(",")
        if not comma or not head.lower().endswith(";base64"):
            raise InvalidRequest("expected a data URL of the form data:...;base64,...")
    try:
        compact = b"".join(text.encode("ascii").split()).translate(_TO_PLAIN_ALPHABET)
        padding = b"=" * (-len(compact) % 4)
        return base64.b64decode(compact + padding, validate=True)
    except (binascii.Error, UnicodeEncodeError) as error:
        raise InvalidRequest("expected base64 in the field 'image'") from error


_TO_PLAIN_ALPHABET = bytes.maketrans(b"-_", b"+/")


def _kind(value: object) -> str:
    """What JSON calls a value that is not what we expected."""
    names = {dict: "an object", list: "a list", str: "text", bool: "a boolean"}
    return names.get(type(value), "null" if value is None else "a number")
