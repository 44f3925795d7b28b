"""A JSON body becomes its pictures, or their addresses, and its other fields."""

from __future__ import annotations

import json
from typing import Any

from gateway.base64_text import decode_base64
from gateway.body import Address, Body, Entry, check_count
from gateway.errors import GatewayError, InvalidRequest, MissingImage
from gateway.query import describe_kind

# Field names to whether the field holds a list; a body has one of them.
_PICTURE_FIELDS = {"image": False, "images": True, "url": False, "urls": True}
# Base64 has none of these characters. Without a limit, a body of 30 MB in empty
# objects takes 700 MB once it is parsed.
_MARKS = (b"{", b"[", b",")
_MOST_MARKS = 10_000


def read_json(data: bytes, most_pictures: int) -> Body:
    """The pictures of one JSON object; a bad one of several is an error in its place.

    Raises:
        InvalidRequest: The body is no such object.
        MissingImage: It has no field for pictures, an empty one, or two.
        TooManyImages: It has more pictures than may be sent at once.
    """
    text = _decode(data)
    # Nobody else holds them: a body of 43 MB takes 90 MB at its peak, not 128.
    del data
    document = _parse(text)
    del text
    names = [name for name in _PICTURE_FIELDS if name in document]
    if len(names) != 1:
        raise MissingImage(
            "expected one of the fields 'image' and 'images' (base64), 'url' and "
            f"'urls', received {' and '.join(names) or 'none of them'}"
        )
    name = names[0]
    value = document.pop(name)
    if not _PICTURE_FIELDS[name]:
        return Body((_read_entry(name, name, value),), document)
    if not isinstance(value, list):
        raise InvalidRequest(
            f"expected a list as '{name}', received {describe_kind(value)}"
        )
    check_count(len(value), most_pictures)
    entries = (
        _read_entry(name, f"{name}[{place}]", item) for place, item in enumerate(value)
    )
    return Body(tuple(entries), document)


def _decode(data: bytes) -> str:
    if sum(data.count(mark) for mark in _MARKS) > _MOST_MARKS:
        raise InvalidRequest(
            f"expected at most {_MOST_MARKS} objects, lists and commas in the JSON, "
            "received more"
        )
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise InvalidRequest("expected JSON in UTF-8") from error


def _parse(text: str) -> dict[str, Any]:
    try:
        document = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise InvalidRequest("expected a body that is valid JSON") from error
    if not isinstance(document, dict):
        raise InvalidRequest(
            f"expected a JSON object, received {describe_kind(document)}"
        )
    return document


def _read_entry(field: str, place: str, value: object) -> Entry:
    """One picture, or why it is none; field says whether an address is meant."""
    if not isinstance(value, str):
        return InvalidRequest(
            f"expected text as '{place}', received {describe_kind(value)}"
        )
    if field.startswith("url"):
        return Address(value)
    try:
        return decode_base64(value, place)
    except GatewayError as error:
        return error
