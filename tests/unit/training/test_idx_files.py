"""IDX files: what is read, how it is split, and what is refused."""

import gzip
import hashlib
from collections import Counter

import numpy as np
import pytest

from gateway.image import decode_image
from tests.drawn_idx import draw_pictures, encode_idx, write_idx_files
from training.checks import check_split
from training.datasets import load_split
from training.errors import UnfitData
from training.idx_files import encode_png, read_idx
from training.pictures import decode_split

IMAGES = "train-images-idx3-ubyte.gz"
LABELS = "train-labels-idx1-ubyte.gz"


@pytest.fixture(name="folder")
def _folder(tmp_path):
    return write_idx_files(tmp_path / "fashion-mnist")


def test_split(folder):
    """The first twelfth of train is validation; names stand in the numbers' order."""
    split = load_split("fashion-mnist", folder.parent)

    assert split.is_given
    assert split.labels[:2] == ("T-shirt/top", "Trouser")
    assert split.labels[9] == "Ankle boot"
    assert [photo.path.name for photo in split.validation] == [
        f"{IMAGES}#{position}" for position in range(10)
    ]
    assert split.train[0].path.name == f"{IMAGES}#10"
    assert (len(split.train), len(split.test)) == (110, 50)
    assert [photo.label for photo in split.test[:10]] == list(split.labels)
    assert not [sentence for sentence in check_split(split) if "two" in sentence]


def test_digests(folder):
    """A picture's digest is that of its 784 pixels; the fingerprint follows it."""
    images, numbers = draw_pictures(120, 1)
    before = load_split("fashion-mnist", folder.parent)
    images[119, 0, 0] += 1
    (folder / IMAGES).write_bytes(encode_idx(images))

    after = load_split("fashion-mnist", folder.parent)

    assert after.train[-1].digest == hashlib.sha256(images[119].tobytes()).hexdigest()
    assert after.fingerprint != before.fingerprint
    assert len({photo.digest for photo in after.photos}) == 170
    assert Counter(photo.label for photo in after.train)["Bag"] == sum(numbers == 8) - 1


@pytest.mark.parametrize("size", [(28, 28), (40, 20)])
def test_pixels_of_a_png(folder, size):
    """A picture becomes the very array that its upload as a PNG becomes."""
    images, numbers = draw_pictures(50, 2)

    decoded = decode_split(load_split(str(folder), folder), size)

    expected = [decode_image(encode_png(image), size) for image in images]
    assert decoded.test.batch.dtype == np.uint8
    np.testing.assert_array_equal(decoded.test.batch, np.stack(expected))
    np.testing.assert_array_equal(decoded.test.targets, numbers)


def test_other_sets(folder):
    """IDX files of another name have the numbers as labels."""
    split = load_split(str(folder.rename(folder.with_name("mnist"))), folder)

    assert (split.name, split.labels) == ("mnist", tuple("0123456789"))


def replace(data, position, value):
    """The gzip file with one byte of its content set."""
    content = bytearray(gzip.decompress(data))
    content[position] = value
    return gzip.compress(bytes(content))


@pytest.mark.parametrize(
    "name, damage, message",
    [
        (IMAGES, lambda data: data[: len(data) // 2], "no complete gzip file"),
        (IMAGES, lambda data: b"", "first bytes"),
        (IMAGES, lambda data: b"<html>not found", "no complete gzip file"),
        (
            IMAGES,
            lambda data: data[:99] + bytes([data[99] ^ 255]) + data[100:],
            "no complete gzip file",
        ),
        (
            IMAGES,
            lambda data: gzip.compress(gzip.decompress(data)[:-1]),
            "expected 94096 bytes .* found 94095",
        ),
        (IMAGES, lambda data: gzip.compress(b"\0\0\x08\x03\0\0"), "found 6"),
        (IMAGES, lambda data: replace(data, 2, 13), "unsigned bytes in 3 dimensions"),
        (IMAGES, lambda data: replace(data, 4, 255), "for 4278190200 x 28 x 28"),
        (IMAGES, lambda data: encode_idx(np.zeros((0, 28, 28))), "0 pictures .* 120"),
        (LABELS, lambda data: encode_idx(np.zeros(119)), "119 labels"),
        (LABELS, lambda data: replace(data, 8, 10), "labels 0 to 9 .* found 10"),
        (LABELS, lambda data: None, "found no train-labels-idx1-ubyte.gz"),
    ],
)
def test_damaged_files(folder, name, damage, message):
    """Each kind of damage is a sentence that names the file."""
    path = folder / name
    damaged = damage(path.read_bytes())
    path.unlink()
    if damaged is not None:
        path.write_bytes(damaged)

    with pytest.raises(UnfitData, match=message) as raised:
        load_split("fashion-mnist", folder.parent)

    assert name in str(raised.value)


def test_every_truncation(folder):
    """No cut of the file, wherever it falls, is taken for a whole one."""
    data = (folder / LABELS).read_bytes()
    cut = folder / "cut.gz"

    for length in range(len(data)):
        cut.write_bytes(data[:length])
        with pytest.raises(UnfitData):
            read_idx(cut, 1)


def test_genuine_files(datasets_dir):
    """Fashion-MNIST itself: 55,000 / 5,000 / 10,000, 1,000 of each class to test on."""
    split = load_split("fashion-mnist", datasets_dir)

    counts = [len(part) for part in (split.train, split.validation, split.test)]
    assert counts == [55_000, 5_000, 10_000]
    assert Counter(photo.label for photo in split.test) == dict.fromkeys(
        split.labels, 1_000
    )
    # The first picture of the train file is an ankle boot (the set's README).
    assert split.validation[0].label == "Ankle boot"
