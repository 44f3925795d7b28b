"""No more pictures at a time than there are slots; waiting ends at the deadline."""

from __future__ import annotations

import io
import queue
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from PIL import Image

from gateway.deadline import Deadline
from gateway.decoder import Decoder, PictureReader
from gateway.errors import (
    GatewayBusy,
    InvalidImage,
    MissingImage,
    UnsupportedImage,
)

SIZE = (4, 4)
SOON = Deadline.after(3600)  # from the import on, whenever a test runs


def draw_flat(color):
    """A PNG of one color."""
    file = io.BytesIO()
    Image.new("RGB", (8, 8), color).save(file, "PNG")
    return file.getvalue()


class HeldPictures:
    """Pictures that are handed out when release is set.

    entered tells of each thread that waits for one.
    """

    def __init__(self, *pictures):
        self.pictures = pictures
        self.entered = queue.SimpleQueue()
        self.release = threading.Event()

    def __len__(self):
        return len(self.pictures)

    def __getitem__(self, place):
        self.entered.put(place)
        assert self.release.wait(60)
        return self.pictures[place]

    def wait_for(self, count):
        """Until so many threads want a picture."""
        for _ in range(count):
            self.entered.get(timeout=60)


def assert_busy(decoder, picture):
    """No slot is free."""
    with pytest.raises(GatewayBusy):
        decoder.decode([picture], Deadline.after(0.01), SIZE)


def test_cores_of_macos(red, monkeypatch):
    """Where the system does not tell which cores a process may use, all count."""
    monkeypatch.delattr("os.sched_getaffinity")

    batch = Decoder(max_pixels=10_000).decode([red], Deadline.after(60), SIZE)

    assert batch.shape == (1, *SIZE, 3)


def test_busy(red):
    """While the only slot is taken, a second caller is refused at its deadline."""
    decoder = Decoder(max_pixels=10_000, slots=1)
    held = HeldPictures(red)
    with ThreadPoolExecutor(1) as other:
        first = other.submit(decoder.decode, held, SOON, SIZE)
        held.wait_for(1)

        assert_busy(decoder, red)
        with pytest.raises(GatewayBusy):
            decoder.draw_thumbnail(red, Deadline.after(0.01), 10)

        held.release.set()
        assert first.result().shape == (1, 4, 4, 3)


def test_side_by_side(red):
    """A batch takes every free slot, and gives each back for the next one."""
    decoder = Decoder(max_pixels=10_000, slots=3)
    for _ in range(2):
        held = HeldPictures(*[red] * 5)
        with ThreadPoolExecutor(1) as other:
            batch = other.submit(decoder.decode, held, SOON, SIZE)
            held.wait_for(3)

            assert_busy(decoder, red)

            held.release.set()
            assert batch.result().shape == (5, 4, 4, 3)


def test_slots_left(red):
    """A batch takes no slot that another caller holds, and no more than it can use."""
    decoder = Decoder(max_pixels=10_000, slots=3)
    held, pair = HeldPictures(red), HeldPictures(red, red)
    with ThreadPoolExecutor(2) as others:
        first = others.submit(decoder.decode, held, SOON, SIZE)
        held.wait_for(1)
        second = others.submit(decoder.decode, pair, SOON, SIZE)
        pair.wait_for(2)

        assert_busy(decoder, red)

        pair.release.set()
        assert second.result().shape == (2, 4, 4, 3)
        assert decoder.decode([red], SOON, SIZE).shape == (1, 4, 4, 3)
        held.release.set()
        assert first.result().shape == (1, 4, 4, 3)


def test_order():
    """Whichever thread decodes them, images stand in the order of their pictures."""
    decoder = Decoder(max_pixels=10_000, slots=3)
    colors = [(place * 20, 0, 255 - place * 20) for place in range(12)]
    pictures = [draw_flat(color) for color in colors]

    batch = decoder.decode(pictures, SOON, SIZE)

    assert [tuple(image[0, 0]) for image in batch] == colors


def test_deadline_within_a_batch(red):
    """A batch whose time is up stops before its next picture and frees its slot."""
    decoder = Decoder(max_pixels=10_000, slots=1)

    with pytest.raises(GatewayBusy, match="3 pictures in time, 2 are left"):
        decoder.decode([red] * 3, Deadline.after(0), SIZE)

    assert decoder.decode([red], SOON, SIZE).shape == (1, 4, 4, 3)


def test_bad_pictures_in_their_places(red):
    """A reader gives the readable ones as a batch and says which are not."""
    earlier = MissingImage("never came")
    reader = PictureReader(Decoder(10_000), [b"", red, b"text", red, earlier], SOON)

    batch = reader.read(SIZE)

    assert batch.shape == (2, 4, 4, 3)
    assert {place: type(error) for place, error in reader.errors.items()} == {
        0: InvalidImage,
        2: UnsupportedImage,
        4: MissingImage,
    }


def test_no_readable_picture():
    """Of several pictures all may be bad: the batch is empty, in the model's size."""
    reader = PictureReader(Decoder(10_000), [b"", b""], SOON)

    assert reader.read(SIZE).shape == (0, 4, 4, 3)
    assert sorted(reader.errors) == [0, 1]


def test_single_bad_picture():
    """One picture that cannot be read is raised."""
    with pytest.raises(InvalidImage):
        PictureReader(Decoder(10_000), [b""], SOON).read(SIZE)


def test_slot_is_given_back(red):
    """A bad picture does not keep its slot."""
    decoder = Decoder(max_pixels=10_000, slots=1)

    with pytest.raises(InvalidImage):
        decoder.decode([b""], SOON, SIZE)

    assert decoder.decode([red], Deadline.after(0), SIZE).shape == (1, 4, 4, 3)
    assert decoder.draw_thumbnail(red, Deadline.after(0), 10)


def test_pixel_limit(red):
    """The limit holds for pixels and thumbnails alike."""
    decoder = Decoder(max_pixels=1799)

    with pytest.raises(InvalidImage, match="1799"):
        decoder.decode([red], SOON, SIZE)
    with pytest.raises(InvalidImage, match="1799"):
        decoder.draw_thumbnail(red, SOON, 10)
