"""Every file is decoded once; what cannot be read is listed."""

import dataclasses
import os

import numpy as np
import pytest
from PIL import Image

from gateway.image import decode_image
from training.datasets import load_split
from training.errors import UnfitData
from training.pictures import decode_split

SIZE = (8, 10)


def test_pixels_and_targets(make_photos, tmp_path):
    """Each part holds its own photos' pixels, in order, with their label's index."""
    split = load_split(str(make_photos({"cat": 20, "dog": 20})), tmp_path)

    decoded = decode_split(split, SIZE)

    for part in ("train", "validation", "test"):
        pixels, photos = getattr(decoded, part), getattr(split, part)
        expected = [decode_image(photo.path.read_bytes(), SIZE) for photo in photos]
        np.testing.assert_array_equal(pixels.batch, np.stack(expected))
        assert [split.labels[i] for i in pixels.targets] == [p.label for p in photos]


@pytest.fixture(name="damaged")
def _damaged(make_photos):
    """A folder with a text file named .jpg, an empty file and a truncated JPEG."""
    folder = make_photos({"cat": 20, "dog": 20})
    (folder / "cat" / "text.jpg").write_text("not a picture")
    (folder / "cat" / "empty.png").touch()
    whole = folder / "dog" / "cut.jpg"
    Image.effect_noise((200, 200), 80).save(whole)
    whole.write_bytes(whole.read_bytes()[:3000])
    return folder


def test_unreadable_files_are_listed(damaged, tmp_path):
    """Training is refused, and the message names every unreadable file."""
    split = load_split(str(damaged), tmp_path)

    with pytest.raises(UnfitData) as raised:
        decode_split(split, SIZE)

    assert "3 files" in str(raised.value)
    for name in ("text.jpg", "empty.png", "cut.jpg"):
        assert name in str(raised.value)


def test_unreadable_files_can_be_skipped(damaged, tmp_path):
    """With the switch, the other photos train, and the split says which."""
    split = load_split(str(damaged), tmp_path)

    decoded = decode_split(split, SIZE, skips_unreadable=True)

    assert len(decoded.split.photos) == 40
    assert {path.name for path in (p.path for p in decoded.split.photos)}.isdisjoint(
        {"text.jpg", "empty.png", "cut.jpg"}
    )
    assert len(decoded.train.batch) == len(decoded.split.train)


def test_file_that_is_gone(make_photos, tmp_path):
    """A photo that vanished after it was listed is in the list of what is wrong."""
    split = load_split(str(make_photos({"cat": 20, "dog": 20})), tmp_path)
    split.train[0].path.unlink()

    with pytest.raises(UnfitData, match="(?s)1 files .*No such file"):
        decode_split(split, SIZE)


def test_more_than_memory(make_photos, tmp_path):
    """Pixels that cannot be held are refused before the system ends the run."""
    split = load_split(str(make_photos({"cat": 5, "dog": 5})), tmp_path)
    side = 1024
    memory = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    many = split.train[:1] * (memory // (3 * side**2) + 1)

    with pytest.raises(UnfitData, match="of 1024x1024 pixels.*smaller --size"):
        decode_split(dataclasses.replace(split, train=many), (side, side))
