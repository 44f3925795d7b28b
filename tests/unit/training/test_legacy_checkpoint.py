"""The legacy PyTorch format, from files written here byte by byte."""

import pickle
from collections import OrderedDict

import numpy as np
import pytest

from training.legacy_checkpoint import InvalidCheckpoint, read_checkpoint

MAGIC = 0x1950A86A20F9469CFC6C
# Protocol 2 text of the two names a float32 tensor needs; torch is not installed.
REBUILD = b"ctorch._utils\n_rebuild_tensor_v2\n"
FLOAT_STORAGE = b"ctorch\nFloatStorage\n"


def dump(value):
    """One pickle of the file's head."""
    return pickle.dumps(value, protocol=2)


def plain(value):
    """A pickle's body without the PROTO opcode in front and STOP behind."""
    return dump(value)[2:-1]


def tensor_pickle(name, shape, stride, offset=0):
    """OrderedDict([(name, tensor)]) as PyTorch writes it; the storage is called "7"."""
    persistent = (
        b"(" + plain("storage") + FLOAT_STORAGE + plain("7") + plain("cpu") + plain(6)
    )
    persistent += plain(None) + b"tQ"
    arguments = b"(" + persistent + plain(offset) + plain(shape) + plain(stride)
    arguments += plain(False) + plain(OrderedDict()) + b"t"
    return b"\x80\x02}(" + plain(name) + REBUILD + arguments + b"Ru."


def checkpoint(tensors, values=(0, 1, 2, 3, 4, 5)):
    """A whole file with one storage of float32 values."""
    storage = np.array(values, "<f4")
    return (
        dump(MAGIC)
        + dump(1001)
        + dump({"little_endian": True})
        + tensors
        + dump(["7"])
        + len(values).to_bytes(8, "little")
        + storage.tobytes()
    )


def test_shape_and_stride(tmp_path):
    """A transposed view of the storage comes out as PyTorch means it."""
    path = tmp_path / "weights.pth"
    path.write_bytes(checkpoint(tensor_pickle("fc.weight", (2, 3), (1, 2))))

    tensors = read_checkpoint(path)

    assert tensors["fc.weight"].tolist() == [[0, 2, 4], [1, 3, 5]]
    assert tensors["fc.weight"].dtype == np.float32


def test_offset(tmp_path):
    """A tensor may start inside its storage."""
    path = tmp_path / "weights.pth"
    path.write_bytes(checkpoint(tensor_pickle("bias", (2,), (1,), offset=4)))

    assert read_checkpoint(path)["bias"].tolist() == [4, 5]


def test_other_names_are_refused(tmp_path):
    """A pickle that would call os.system is an error, and nothing is called."""
    path = tmp_path / "evil.pth"
    path.write_bytes(
        checkpoint(b"\x80\x02cos\nsystem\n(" + plain("touch owned") + b"tR.")
    )

    with pytest.raises(InvalidCheckpoint, match="os.system"):
        read_checkpoint(path)


@pytest.mark.parametrize("missing_bytes", [1, 24, 30, 60])
def test_truncated(tmp_path, missing_bytes):
    """A file that ends early is refused, wherever it ends."""
    path = tmp_path / "cut.pth"
    path.write_bytes(checkpoint(tensor_pickle("w", (6,), (1,)))[:-missing_bytes])

    with pytest.raises(InvalidCheckpoint, match="cut short"):
        read_checkpoint(path)


def test_other_format(tmp_path):
    """Some other pickle is no checkpoint."""
    path = tmp_path / "other.pth"
    path.write_bytes(dump({"a": 1}))

    with pytest.raises(InvalidCheckpoint, match="legacy format"):
        read_checkpoint(path)


def test_view_outside_storage(tmp_path):
    """A shape larger than its storage is refused instead of read beyond its end."""
    path = tmp_path / "outside.pth"
    path.write_bytes(checkpoint(tensor_pickle("w", (1000,), (1,))))

    with pytest.raises(InvalidCheckpoint, match="outside"):
        read_checkpoint(path)
