"""A file in protobuf's text format becomes a message; every config file enters here."""

from __future__ import annotations

from pathlib import Path

from google.protobuf import text_format
from google.protobuf.message import Message

from serving.errors import invalid_argument


def fill_message(path: str, message: Message) -> None:
    """Read one file into an empty message, in place.

    Raises:
        ServingError: INVALID_ARGUMENT; the file cannot be read or says something else.
    """
    try:
        text_format.Parse(Path(path).read_text(encoding="utf-8"), message)
    except OSError as error:
        raise invalid_argument(f"{path}; {error.strerror}") from error
    except (text_format.ParseError, UnicodeDecodeError) as error:
        raise invalid_argument(f"Invalid protobuf file: '{path}'") from error
