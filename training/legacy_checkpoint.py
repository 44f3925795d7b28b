"""Read a PyTorch checkpoint of the legacy (pre-zip) format without PyTorch.

Owns the file format; knows no network. Such a file is five pickles (magic number,
protocol, system, the tensors, the storage keys) and then, per key in order, the
element count as little-endian int64 and the elements.
Source: torch/serialization.py, `_legacy_save`.
"""

from __future__ import annotations

import pickle
from collections import OrderedDict
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

_MAGIC = 0x1950A86A20F9469CFC6C


class InvalidCheckpoint(ValueError):
    """The file is not a checkpoint of the legacy format."""


@dataclass(frozen=True)
class _Tensor:
    """One tensor as the pickle describes it; sizes and strides in elements."""

    storage_key: str
    offset: int
    shape: tuple[int, ...]
    stride: tuple[int, ...]


def _rebuild_tensor(
    storage: tuple[Any, ...], offset: int, shape: Any, stride: Any, *_: Any
) -> _Tensor:
    return _Tensor(storage[2], offset, tuple(shape), tuple(stride))


class _RestrictedUnpickler(pickle.Unpickler):
    """Admits four names; anything else is an error, never code that runs."""

    _ADMITTED = {
        ("collections", "OrderedDict"): OrderedDict,
        ("torch._utils", "_rebuild_tensor_v2"): _rebuild_tensor,
        ("torch", "FloatStorage"): np.dtype("<f4"),
        ("torch", "LongStorage"): np.dtype("<i8"),
    }

    def __init__(self, file: BinaryIO) -> None:
        super().__init__(file)
        self.dtypes: dict[str, np.dtype[Any]] = {}

    def find_class(self, module: str, name: str) -> Any:
        try:
            return self._ADMITTED[module, name]
        except KeyError:
            raise InvalidCheckpoint(
                f"expected tensors only, found {module}.{name}"
            ) from None

    def persistent_load(self, pid: Any) -> tuple[Any, ...]:
        _, dtype, key, *_ = pid
        self.dtypes[key] = dtype
        return pid


def read_checkpoint(path: Path) -> dict[str, NDArray[Any]]:
    """Every tensor of the file by its name, float32 or int64, in PyTorch's layout.

    Raises:
        InvalidCheckpoint: Another format, a name beyond the admitted ones, or an
            end before the last element.
    """
    with path.open("rb") as file:
        try:
            if _RestrictedUnpickler(file).load() != _MAGIC:
                raise InvalidCheckpoint(f"{path.name}: expected the legacy format")
            _RestrictedUnpickler(file).load()
            _RestrictedUnpickler(file).load()
            unpickler = _RestrictedUnpickler(file)
            tensors = unpickler.load()
            keys = _RestrictedUnpickler(file).load()
            storages = {key: _read_storage(file, unpickler.dtypes[key]) for key in keys}
        except (pickle.UnpicklingError, EOFError) as error:
            raise InvalidCheckpoint(f"{path.name}: damaged or cut short") from error
    return {name: _view(tensor, storages) for name, tensor in tensors.items()}


def _read_storage(file: BinaryIO, dtype: np.dtype[Any]) -> NDArray[Any]:
    count = int.from_bytes(file.read(8), "little")
    data = file.read(count * dtype.itemsize)
    if len(data) != count * dtype.itemsize:
        raise EOFError
    return np.frombuffer(data, dtype)


def _view(tensor: _Tensor, storages: dict[str, NDArray[Any]]) -> NDArray[Any]:
    storage = storages[tensor.storage_key]
    last = tensor.offset + sum(
        (size - 1) * step for size, step in zip(tensor.shape, tensor.stride)
    )
    if min(tensor.offset, *tensor.stride, 0) < 0 or last >= storage.size:
        raise InvalidCheckpoint("a tensor lies outside its storage")
    strides = tuple(step * storage.itemsize for step in tensor.stride)
    return np.lib.stride_tricks.as_strided(
        storage[tensor.offset :], tensor.shape, strides, writeable=False
    )
