"""Base64 text becomes bytes, in every dialect that clients write."""

from __future__ import annotations

import binascii

from gateway.errors import InvalidRequest

_TO_PLAIN_ALPHABET = bytes.maketrans(b"-_", b"+/")


def decode_base64(text: str, name: str) -> bytes:
    """Plain or URL-safe base64, with line breaks, padding or a data URL's head.

    Args:
        name: Where the text stands, for the caller who has to mend it.

    Raises:
        InvalidRequest: It is none of these.
    """
    if text[:5].lower() == "data:":
        head, comma, text = text.partition(",")
        if not comma or not head.lower().endswith(";base64"):
            raise InvalidRequest(
                f"expected a data URL of the form data:...;base64,... in '{name}', "
                f"received {ascii(head[:50])}"
            )
    try:
        # What most clients send needs no copy: strict_mode takes nothing else.
        return binascii.a2b_base64(text, strict_mode=True)
    except ValueError:
        return _decode_dialect(text, name)


def _decode_dialect(text: str, name: str) -> bytes:
    try:
        compact = b"".join(text.encode("ascii").split()).translate(_TO_PLAIN_ALPHABET)
        padding = b"=" * (-len(compact) % 4)
        return binascii.a2b_base64(compact + padding, strict_mode=True)
    except (binascii.Error, UnicodeEncodeError) as error:
        raise InvalidRequest(
            f"expected base64 in '{name}', received {len(text)} characters that are "
            "none"
        ) from error
