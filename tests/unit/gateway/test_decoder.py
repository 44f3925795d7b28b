"""No more pictures at a time than there are slots; waiting ends at the deadline."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from gateway.deadline import Deadline
from gateway.decoder import Decoder
from gateway.errors import GatewayBusy, InvalidImage

SIZE = (4, 4)
SOON = Deadline.after(60)


class HeldPictures:
    """Pictures that are handed out when release is set; entered says someone waits."""

    def __init__(self, *pictures):
        self.pictures = pictures
        self.entered = threading.Event()
        self.release = threading.Event()

    def __iter__(self):
        self.entered.set()
        assert self.release.wait(60)
        return iter(self.pictures)


def test_busy(red):
    """While the only slot is taken, a second caller is refused at its deadline."""
    decoder = Decoder(max_pixels=10_000, slots=1)
    held = HeldPictures(red)
    with ThreadPoolExecutor(1) as other:
        first = other.submit(decoder.decode, held, SOON, SIZE)
        assert held.entered.wait(60)

        with pytest.raises(GatewayBusy):
            decoder.decode([red], Deadline.after(0.01), SIZE)
        with pytest.raises(GatewayBusy):
            decoder.draw_thumbnail(red, Deadline.after(0.01), 10)

        held.release.set()
        assert first.result().shape == (1, 4, 4, 3)


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
