"""A file in protobuf's text format becomes a message; every config file enters here."""

from __future__ import annotations

import re

import tensorflow as tf
from google.protobuf import text_format
from google.protobuf.message import Message

from serving.errors import ServingError, invalid_argument, not_found
from serving.tensorflow_errors import translate_error

_PLACE = re.compile(r"^\d+:\d+ : ")
_UNKNOWN_FIELD = re.compile(r"Message type .* has no field named ", re.DOTALL)
# A name, and what may stand before the next token.
_NAME_AND_BLANKS = re.compile(r"[\w.\[\]/]*(?:\s|#[^\n]*(?:\n|$))*")
# What Python's parser says, and C++'s for the same mistake.
_SAYINGS = (
    (r"Couldn't parse integer: (.*)", r"Expected integer, got: \1"),
    (r"Expected string but found: '(.*)'", r"Expected string, got: \1"),
    (r"Expected identifier or number, got (.*)\.", r"Expected identifier, got: \1"),
)


class UnreadableText(ValueError):
    """What the protobuf library of TensorFlow Serving says on stderr."""


def fill_message(path: str, message: Message) -> None:
    """Read one file into an empty message, in place.

    Raises:
        ServingError: INVALID_ARGUMENT; the file is empty or says something else, which
            its cause describes. NOT_FOUND or PERMISSION_DENIED; it cannot be read.
    """
    data = _read(path)
    name = message.DESCRIPTOR.full_name
    try:
        text = data.decode()
        text_format.Parse(text, message)
    except UnicodeDecodeError as error:
        line, column = _locate(data, error.start)
        raise _invalid_file(path) from UnreadableText(
            f"Error parsing text-format {name}: {line}:{column}: {error.reason}"
        )
    except text_format.ParseError as error:
        raise _invalid_file(path) from UnreadableText(
            f"Error parsing text-format {name}: {_describe(error, text)}"
        )


def _read(path: str) -> bytes:
    """The bytes; TensorFlow Serving maps the file, which an empty one does not stand.

    The errors have no cause, which would stand on stderr beside them.
    """
    if tf.io.gfile.isdir(path):
        raise not_found(f"{path}; Is a directory")
    try:
        with tf.io.gfile.GFile(path, "rb") as file:
            data = file.read()
    except tf.errors.OpError as error:
        raise translate_error(error) from None
    if not data:
        raise invalid_argument(f"{path}; the file is empty")
    return data


def _describe(error: text_format.ParseError, text: str) -> str:
    """Place and mistake, as protobuf's C++ parser tells them where it is known how.

    It tells of an unknown field when it has read what follows its name, and quotes no
    lines.
    """
    line, column = error.GetLine(), error.GetColumn()
    lines = text.split("\n")
    said = _PLACE.sub("", str(error)).removeprefix(f"'{lines[line - 1]}': ")
    if _UNKNOWN_FIELD.match(said):
        start = sum(len(above) + 1 for above in lines[: line - 1]) + column - 1
        following = _NAME_AND_BLANKS.match(text, start)
        end = following.end() if following else start
        line, column = _locate(text.encode(), len(text[:end].encode()))
    for pattern, saying in _SAYINGS:
        said = re.sub(pattern, saying, said)
    return f"{line}:{column}: {said}"


def _locate(data: bytes, index: int) -> tuple[int, int]:
    """Line and column of a byte, counted from one."""
    before = data[:index]
    return before.count(b"\n") + 1, index - before.rfind(b"\n")


def _invalid_file(path: str) -> ServingError:
    return invalid_argument(f"Invalid protobuf file: '{path}'")
