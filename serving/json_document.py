"""Request bodies as JSON documents, and JSON values as messages quote them.

Owns the parser's settings. RapidJSON is the parser of TensorFlow Serving as well, so
what is accepted and what an error says agree.
"""

from __future__ import annotations

import codecs
import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

import rapidjson

from serving.errors import ServingError, invalid_argument

_PARSE_ERROR = re.compile(r"Parse error at offset ([0-9]+): (.*)", re.DOTALL)
_TEXT_BEHIND = "The document root must not be followed by other values."
_MAX_QUOTED_BYTES = 256
_KINDS = {
    type(None): "Null",
    dict: "Object",
    list: "Array",
    str: "String",
    int: "Number",
    float: "Number",
}


class _Decoder(rapidjson.Decoder):  # type: ignore[misc]  # has no type hints
    """Of two equal keys the first counts, as FindMember has it."""

    # pylint: disable=no-self-use  # the decoder calls them as methods

    def start_object(self) -> list[tuple[str, Any]]:
        """Ask for pairs, where a dict would keep the last of two equal keys."""
        return []

    def end_object(self, pairs: Sequence[tuple[str, Any]]) -> dict[str, Any]:
        """The members in the order they were sent."""
        members = dict(pairs)
        if len(members) != len(pairs):
            members = {}
            for name, value in pairs:
                members.setdefault(name, value)
        return members


# Native numbers: an int fits 64 bits, a longer one is a float, as in RapidJSON itself.
_DECODER = _Decoder(number_mode=rapidjson.NM_NATIVE | rapidjson.NM_NAN)
# What was parsed has no circles; to look for them is to keep all that was looked at.
_ENCODER = json.JSONEncoder(ensure_ascii=False, indent=4, check_circular=False)


def parse_document(body: bytes) -> dict[str, Any]:
    """Turn a request body into its root object; text behind the object is ignored.

    Returns:
        dict, list, str, int, float, bool and None; ints between -2**63 and 2**64 - 1.

    Raises:
        ServingError: INVALID_ARGUMENT; not JSON, nested deeper than about 1000, not
            UTF-8, or no object.
    """
    if not body:
        raise invalid_argument("JSON Parse error: The document is empty")
    document = _decode(body.removeprefix(codecs.BOM_UTF8))
    if not isinstance(document, dict):
        raise format_error(document, "Is not object")
    return document


def _decode(text: bytes) -> Any:
    try:
        return _DECODER(text)
    except UnicodeDecodeError as error:
        raise _parse_error("Invalid encoding in string.", error.start) from error
    except (rapidjson.JSONDecodeError, RecursionError) as error:
        match = _PARSE_ERROR.fullmatch(str(error))
        reason, offset = (match[2], int(match[1])) if match else (str(error), 0)
        if reason == _TEXT_BEHIND and offset < len(text):
            return _decode(text[:offset])
        raise _parse_error(reason, offset) from error


def _parse_error(reason: str, offset: int) -> ServingError:
    return invalid_argument(f"JSON Parse error: {reason} at offset: {offset}")


def format_error(value: object, rule: str) -> ServingError:
    """A value that breaks a rule, quoted."""
    return invalid_argument(f"JSON Value: {quote(value)} {rule}")


def kind_name(value: object) -> str:
    """RapidJSON's name of the value's kind."""
    if isinstance(value, bool):
        return str(value)
    return _KINDS[type(value)]


def quote(value: object) -> str:
    """The value as JSON, cut after about 256 bytes, however large it is."""
    text = ""
    # In pieces, so that a huge or deep value is not written to its end.
    for piece in _ENCODER.iterencode(value):
        text += piece
        if len(text) > _MAX_QUOTED_BYTES:
            return text[:_MAX_QUOTED_BYTES] + "...TRUNCATED"
    return text


def is_base64(value: object) -> bool:
    """Whether it is {"b64": "..."}, the JSON form of bytes, and nothing else."""
    return (
        isinstance(value, Mapping)
        and len(value) == 1
        and isinstance(value.get("b64"), str)
    )
