"""A few pictures decoded at a time: memory is bounded, whatever is uploaded at once."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import numpy as np
from numpy.typing import NDArray

from gateway.deadline import Deadline
from gateway.errors import GatewayBusy
from gateway.image import decode_images, draw_thumbnail

# One picture of 50 megapixels takes up to 400 MB while it is decoded, and decoding
# more at once than there are cores makes none of them faster.
MOST_SLOTS = 4


class Decoder:
    """Bytes to pixels under one limit of pixels and one of pictures at a time."""

    def __init__(self, max_pixels: int, slots: int | None = None) -> None:
        """By default as many slots as this process may use cores, at most four."""
        self._max_pixels = max_pixels
        cores = len(os.sched_getaffinity(0))
        self._slots = threading.BoundedSemaphore(slots or min(cores, MOST_SLOTS))

    def decode(
        self, pictures: Sequence[bytes], deadline: Deadline, size: tuple[int, int]
    ) -> NDArray[np.uint8]:
        """The batch of some uploaded files: uint8, shape (n, height, width, 3), RGB.

        Raises:
            GatewayBusy: No slot was free before the deadline.
            GatewayError: A picture cannot be read.
        """
        with self._slot(deadline):
            return decode_images(pictures, size, self._max_pixels)

    def draw_thumbnail(
        self, picture: bytes, deadline: Deadline, longest_side: int
    ) -> bytes:
        """A small JPEG of one uploaded file, for people.

        Raises:
            GatewayError: As decode.
        """
        with self._slot(deadline):
            return draw_thumbnail(picture, longest_side, self._max_pixels)

    @contextmanager
    def _slot(self, deadline: Deadline) -> Iterator[None]:
        if not self._slots.acquire(timeout=deadline.remaining_seconds()):
            raise GatewayBusy("expected a free decoder in time, all are busy")
        try:
            yield
        finally:
            self._slots.release()
