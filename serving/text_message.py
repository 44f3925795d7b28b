"""A file in protobuf's text format becomes a message; every config file enters here."""

from __future__ import annotations

import re

import tensorflow as tf
from google.protobuf import text_format
from google.protobuf.message import Message

from serving.errors import ServingError, invalid_argument, not_found
from serving.tensorflow_errors import translate_error

_PLACE = re.compile(r"^\d+:\d+ : ")


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
        text_format.Parse(data.decode(), message)
    except UnicodeDecodeError as error:
        line, column = _locate(data, error.start)
        raise _invalid_file(path) from UnreadableText(
            f"Error parsing text-format {name}: {line}:{column}: {error.reason}"
        )
    except text_format.ParseError as error:
        raise _invalid_file(path) from UnreadableText(
            f"Error parsing text-format {name}: "
            f"{error.GetLine()}:{error.GetColumn()}: {_PLACE.sub('', str(error))}"
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


def _locate(data: bytes, index: int) -> tuple[int, int]:
    """Line and column of a byte, counted from one."""
    before = data[:index]
    return before.count(b"\n") + 1, index - before.rfind(b"\n")


def _invalid_file(path: str) -> ServingError:
    return invalid_argument(f"Invalid protobuf file: '{path}'")
