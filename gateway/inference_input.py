"""One input tensor becomes encoded pictures or a batch of pixels, within limits."""

from __future__ import annotations

import math
import struct
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import chain
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gateway.base64_text import decode_base64
from gateway.body import check_count
from gateway.classification import Decode
from gateway.decoder import Outcome, stack_images
from gateway.errors import GatewayError, ImageTooLarge, InvalidRequest
from gateway.inference_limits import InputLimits
from gateway.inference_request import InputTensor
from gateway.query import describe_kind

# The gateway's own input; that of pixels has the name that the model gives it.
PICTURES = "image"
PICTURES_DATATYPE = "BYTES"
PIXELS_DATATYPE = "UINT8"
# Source: KServe's "Binary Tensor Data Extension": little-endian, before each element.
_LENGTH = struct.Struct("<I")


@dataclass(frozen=True)
class ModelInput:
    """What classify asks: pixels of a size; and the files they come from, if any."""

    decode: Decode
    pictures: tuple[bytes, ...] = ()


ReadFiles = Callable[..., tuple[Outcome, ...]]


def read_input(
    tensor: InputTensor, pixels_name: str, limits: InputLimits, read: ReadFiles
) -> ModelInput:
    """The pictures of one tensor: files to be decoded, or pixels as they are.

    Args:
        pixels_name: What the model calls its pixels.
        read: From encoded pictures and size= to the image of each, or its error.

    Raises:
        GatewayError: No input of that name, or not what it takes.
    """
    if tensor.name == PICTURES:
        pictures = read_pictures(tensor, limits)
        return ModelInput(partial(_decode_files, pictures, read), pictures)
    if tensor.name == pixels_name:
        batch = read_pixels(tensor, limits)
        return ModelInput(partial(_check_size, batch, pixels_name))
    raise InvalidRequest(
        f"expected '{PICTURES}' or '{pixels_name}' as input, received "
        f"{ascii(tensor.name)[:100]}"
    )


def _decode_files(
    files: Sequence[bytes], read: ReadFiles, size: tuple[int, int]
) -> NDArray[np.uint8]:
    """All or none: the protocol has no place for the error of one picture."""
    outcomes = read(files, size=size)
    for place, outcome in enumerate(outcomes):
        if isinstance(outcome, GatewayError):
            raise type(outcome)(f"'{PICTURES}[{place}]': {outcome}") from outcome
    return stack_images(outcomes, size)


def _check_size(
    batch: NDArray[np.uint8], name: str, size: tuple[int, int]
) -> NDArray[np.uint8]:
    if batch.shape[1:] != (*size, 3):
        raise InvalidRequest(
            f"expected the shape {_show((len(batch), *size, 3))} of '{name}', received "
            f"{_show(batch.shape)}"
        )
    return batch


def read_pictures(tensor: InputTensor, limits: InputLimits) -> tuple[bytes, ...]:
    """The encoded files of a tensor BYTES [n] or [n, 1].

    In JSON they are base64, since a JSON text cannot hold bytes.

    Raises:
        GatewayError: Another datatype or shape, too many files, or one too large.
    """
    _check_datatype(tensor, PICTURES_DATATYPE)
    if tensor.shape[1:] not in ((), (1,)) or not tensor.shape:
        raise InvalidRequest(
            f"expected the shape [n] of '{tensor.name}', received "
            f"{_show(tensor.shape)}"
        )
    count = tensor.shape[0]
    check_count(count, limits.pictures)
    if isinstance(tensor.data, memoryview):
        pictures = tuple(_split(tensor, tensor.data, count))
    else:
        texts = _flatten(tensor.data, tensor)
        pictures = tuple(
            _read_text(text, f"{tensor.name}[{i}]") for i, text in enumerate(texts)
        )
    for place, picture in enumerate(pictures):
        if len(picture) > limits.picture_bytes:
            raise ImageTooLarge(
                f"expected at most {limits.picture_bytes} bytes as "
                f"'{tensor.name}[{place}]', received {len(picture)}"
            )
    limits.check_total(sum(map(len, pictures)))
    return pictures


def read_pixels(tensor: InputTensor, limits: InputLimits) -> NDArray[np.uint8]:
    """The batch of a tensor UINT8 [n, height, width, 3].

    Raises:
        GatewayError: Another datatype or shape, too many pictures, values that are no
            bytes, or more or fewer than the shape says.
    """
    _check_datatype(tensor, PIXELS_DATATYPE)
    if len(tensor.shape) != 4:
        raise InvalidRequest(
            f"expected the shape [n, height, width, 3] of '{tensor.name}', received "
            f"{_show(tensor.shape)}"
        )
    check_count(tensor.shape[0], limits.pictures)
    data = tensor.data
    if not isinstance(data, memoryview):
        try:
            data = bytes(_flatten(data, tensor))
        except (TypeError, ValueError) as error:
            raise InvalidRequest(
                f"expected whole numbers from 0 to 255 in '{tensor.name}', received "
                "other values"
            ) from error
    _check_length(tensor, len(data))
    limits.check_total(len(data))
    return np.frombuffer(data, np.uint8).reshape(tensor.shape)


def _check_datatype(tensor: InputTensor, datatype: str) -> None:
    if tensor.datatype != datatype:
        raise InvalidRequest(
            f"expected the datatype {datatype} of '{tensor.name}', received "
            f"{ascii(tensor.datatype)[:30]}"
        )


def _split(tensor: InputTensor, data: memoryview, count: int) -> Iterator[bytes]:
    """Elements one after another, each behind its own length."""
    start = 0
    for place in range(count):
        head = data[start : start + _LENGTH.size]
        length = _LENGTH.unpack(head)[0] if len(head) == _LENGTH.size else 0
        start += _LENGTH.size
        if start + length > len(data):
            raise InvalidRequest(
                f"expected {count} elements in the {len(data)} bytes of "
                f"'{tensor.name}', received {place}"
            )
        yield bytes(data[start : start + length])
        start += length
    if start != len(data):
        raise InvalidRequest(
            f"expected {count} elements in {len(data)} bytes of '{tensor.name}', "
            f"received {len(data) - start} bytes more"
        )


def _read_text(text: object, place: str) -> bytes:
    if not isinstance(text, str):
        raise InvalidRequest(
            f"expected base64 text as '{place}', received {describe_kind(text)}"
        )
    return decode_base64(text, place)


def _flatten(data: list[Any], tensor: InputTensor) -> list[Any]:
    """The elements in order, whether the lists are nested as the shape says or flat."""
    flat = data
    for length in tensor.shape[1:]:
        if not flat or not isinstance(flat[0], list):
            break
        if not all(isinstance(row, list) and len(row) == length for row in flat):
            raise InvalidRequest(
                f"expected 'data' nested as the shape {_show(tensor.shape)} of "
                f"'{tensor.name}' or flat, received other lists"
            )
        flat = list(chain.from_iterable(flat))
    _check_length(tensor, len(flat))
    return flat


def _check_length(tensor: InputTensor, received: int) -> None:
    """Compared before anything is allocated by what a shape says."""
    if math.prod(tensor.shape) != received:
        raise InvalidRequest(
            f"expected as many elements as the shape {_show(tensor.shape)} of "
            f"'{tensor.name}' has, received {received}"
        )


def _show(shape: tuple[int, ...]) -> str:
    return ascii(list(shape))[:100]
