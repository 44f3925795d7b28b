"""What a caller asks beside the pictures: which model answers, and how much is told.

The address, form fields and JSON fields say it in the same words.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from gateway.errors import InvalidRequest

# Source: tensorflow/serving's model.proto: a version is an int64.
_LARGEST_VERSION = 2**63 - 1
_LARGEST_TOP = 1_000_000
_LONGEST_NAME = 100


@dataclass(frozen=True)
class Query:
    """The model, one of its versions by number or label, and how many scores."""

    model: str | None = None
    version: int | None = None
    label: str | None = None
    top: int | None = None


def read_query(*sources: Mapping[str, object]) -> Query:
    """The caller's wishes; of two sources that name the same thing, the first counts.

    An empty text is no wish: an HTML form sends one for each field left alone.

    Raises:
        InvalidRequest: A number or text that is none, or both a version and a label.
    """
    wishes: dict[str, object] = {}
    for source in reversed(sources):
        wishes.update({k: v for k, v in source.items() if v not in ("", None)})
    query = Query(
        model=_text(wishes, "model"),
        version=_whole_number(wishes, "version", 0, _LARGEST_VERSION),
        label=_text(wishes, "label"),
        top=_whole_number(wishes, "top", 1, _LARGEST_TOP),
    )
    if query.version is not None and query.label is not None:
        raise InvalidRequest("expected 'version' or 'label', received both")
    return query


def _text(wishes: Mapping[str, object], name: str) -> str | None:
    value = wishes.get(name)
    if value is None:
        return None
    if not isinstance(value, str):
        raise InvalidRequest(
            f"expected text as '{name}', received {describe_kind(value)}"
        )
    # A lone surrogate, which JSON may hold, is not printable and not UTF-8 either.
    if len(value) > _LONGEST_NAME or not value.isprintable():
        raise InvalidRequest(
            f"expected at most {_LONGEST_NAME} printable characters as '{name}', "
            f"received {_show(value)}"
        )
    return value


def _whole_number(
    wishes: Mapping[str, object], name: str, low: int, high: int
) -> int | None:
    value = wishes.get(name)
    if value is None:
        return None
    number = _parse(value) if isinstance(value, str) else value
    is_whole = isinstance(number, int) and not isinstance(number, bool)
    if not is_whole or not low <= number <= high:
        raise InvalidRequest(
            f"expected a whole number from {low} to {high} as '{name}', "
            f"received {_show(value)}"
        )
    return number


def _parse(text: str) -> int | None:
    """Plain ASCII digits; int() alone takes 1_0, blanks and any script's digits."""
    is_plain = text.isascii() and text.isdigit() and len(text) <= _LONGEST_NAME
    return int(text) if is_plain else None


def _show(value: object) -> str:
    """The start of a number or text, in ASCII; of anything else, its kind."""
    if isinstance(value, bool) or not isinstance(value, (str, int, float)):
        return describe_kind(value)
    return ascii(value)[:_LONGEST_NAME]


def describe_kind(value: object) -> str:
    """What JSON calls a value that is not what we expected."""
    names = {dict: "an object", list: "a list", str: "text", bool: "a boolean"}
    return names.get(type(value), "null" if value is None else "a number")
