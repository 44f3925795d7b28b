"""What any body says, whatever its form: pictures in order, and fields beside them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from gateway.errors import GatewayError, MissingImage, TooManyImages


@dataclass(frozen=True)
class Address:
    """Where a picture is to be fetched; not yet checked."""

    url: str


Entry = bytes | Address | GatewayError
Picture = bytes | GatewayError


@dataclass(frozen=True)
class Body:
    """Pictures, or why there is none in a place; and fields of form or JSON."""

    entries: tuple[Entry, ...]
    fields: Mapping[str, object]


def check_count(received: int, most: int) -> None:
    """Refuse no pictures and too many.

    Raises:
        MissingImage: There is none.
        TooManyImages: There are more than most.
    """
    if not received:
        raise MissingImage("expected at least one picture, received none")
    if received > most:
        rule = "one picture" if most == 1 else f"at most {most} pictures"
        raise TooManyImages(f"expected {rule}, received {received}")
