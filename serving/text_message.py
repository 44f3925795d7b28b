"""A file in protobuf's text format becomes a message; every config file enters here."""

from __future__ import annotations

import re
from pathlib import Path

from google.protobuf import text_format
from google.protobuf.message import Message

from serving.errors import invalid_argument

_PLACE = re.compile(r"^\d+:\d+ : ")


class UnreadableText(ValueError):
    """What the protobuf library of TensorFlow Serving says on stderr."""


def fill_message(path: str, message: Message) -> None:
    """Read one file into an empty message, in place.

    Raises:
        ServingError: INVALID_ARGUMENT; the file cannot be read or says something else.
    """
    try:
        text_format.Parse(Path(path).read_text(encoding="utf-8"), message)
    except OSError as error:
        raise invalid_argument(f"{path}; {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise invalid_argument(f"Invalid protobuf file: '{path}'") from error
    except text_format.ParseError as error:
        raise invalid_argument(f"Invalid protobuf file: '{path}'") from UnreadableText(
            f"Error parsing text-format {message.DESCRIPTOR.full_name}: "
            f"{error.GetLine()}:{error.GetColumn()}: {_PLACE.sub('', str(error))}"
        )
