"""A few pictures decoded at a time: memory is bounded, whatever is uploaded at once."""

from __future__ import annotations

import os
import threading
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from functools import partial

import numpy as np
from numpy.typing import NDArray

from gateway.body import Picture
from gateway.deadline import Deadline
from gateway.errors import GatewayBusy, GatewayError
from gateway.image import decode_image, draw_thumbnail

# One picture of 50 megapixels takes up to 400 MB while it is decoded, and decoding
# more at once than there are cores makes none of them faster.
MOST_SLOTS = 4

Outcome = NDArray[np.uint8] | GatewayError


class Decoder:
    """Bytes to pixels under one limit of pixels and one of pictures at a time."""

    def __init__(self, max_pixels: int, slots: int | None = None) -> None:
        """By default as many slots as this process may use cores, at most four."""
        self._max_pixels = max_pixels
        count = slots or min(_count_cores(), MOST_SLOTS)
        self._slots = threading.BoundedSemaphore(count)
        # Each of these threads works in a slot, and a caller's own thread in another.
        self._threads = ThreadPoolExecutor(count, "decode")

    def decode(
        self, pictures: Sequence[bytes], deadline: Deadline, size: tuple[int, int]
    ) -> NDArray[np.uint8]:
        """The batch of some uploaded files: uint8, shape (n, height, width, 3), RGB.

        Raises:
            GatewayBusy: No slot was free before the deadline, or not for long enough.
            GatewayError: As decode_image, for the first picture that cannot be read.
        """
        outcomes = self.try_decode(pictures, deadline, size)
        for outcome in outcomes:
            if isinstance(outcome, GatewayError):
                raise outcome
        return stack_images(outcomes, size)

    def try_decode(
        self, pictures: Sequence[Picture], deadline: Deadline, size: tuple[int, int]
    ) -> tuple[Outcome, ...]:
        """The image of each uploaded file, or what is wrong with it, in its place.

        Pictures of one call are decoded side by side in the slots that are free.

        Raises:
            GatewayBusy: As decode.
        """
        work = _Work(pictures, partial(self._decode_one, size=size), deadline)
        with self._slot(deadline):
            others = self._call_others(work, len(pictures) - 1)
            try:
                work.go_on()
            finally:
                work.stop()
                wait(others)
        for other in others:
            other.result()
        return tuple(work.outcomes[place] for place in range(len(pictures)))

    def _decode_one(self, picture: Picture, size: tuple[int, int]) -> Outcome:
        if isinstance(picture, GatewayError):
            return picture
        try:
            return decode_image(picture, size, self._max_pixels)
        except GatewayError as error:
            return error

    def _call_others(self, work: _Work, most: int) -> list[Future[None]]:
        """Let other threads take part, one for each slot that nobody needs now."""
        others = []
        while len(others) < most:
            # pylint: disable-next=consider-using-with  # the other thread gives it back
            if not self._slots.acquire(blocking=False):
                break
            others.append(self._threads.submit(self._go_on_in_slot, work))
        return others

    def _go_on_in_slot(self, work: _Work) -> None:
        try:
            work.go_on()
        finally:
            self._slots.release()

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


def _count_cores() -> int:
    """Those this process may use; macOS tells only how many there are."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


class _Work:
    """The pictures of one call, taken one by one by every thread that has a slot."""

    def __init__(
        self,
        pictures: Sequence[Picture],
        decode: Callable[[Picture], Outcome],
        deadline: Deadline,
    ) -> None:
        self._pictures = pictures
        self._decode = decode
        self._deadline = deadline
        self._places = deque(range(len(pictures)))
        self.outcomes: dict[int, Outcome] = {}

    def go_on(self) -> None:
        """Decode until no picture is left.

        Raises:
            GatewayBusy: The deadline has passed before.
        """
        while self._places:
            try:
                place = self._places.popleft()
            except IndexError:
                return
            self.outcomes[place] = self._decode(self._pictures[place])
            if self._places and not self._deadline.remaining_seconds():
                raise GatewayBusy(
                    f"expected to decode {len(self._pictures)} pictures in time, "
                    f"{len(self._places)} are left"
                )

    def stop(self) -> None:
        """Leave the rest."""
        self._places.clear()


def stack_images(
    outcomes: Sequence[Outcome], size: tuple[int, int]
) -> NDArray[np.uint8]:
    """The images among some outcomes as a batch: uint8, (n, height, width, 3), RGB."""
    images = [image for image in outcomes if not isinstance(image, GatewayError)]
    if len(images) == 1:
        return images[0][np.newaxis]
    return np.stack(images) if images else np.empty((0, *size, 3), np.uint8)


class PictureReader:
    """The pictures of one request as batches of those that can be read.

    A single picture that cannot be read is an error of the request. Of several, errors
    holds what is wrong with each bad one, by its place, as the last batch found it.
    """

    def __init__(
        self, decoder: Decoder, pictures: Sequence[Picture], deadline: Deadline
    ) -> None:
        self._decoder = decoder
        self._pictures = pictures
        self._deadline = deadline
        self.errors: dict[int, GatewayError] = {}

    def read(self, size: tuple[int, int]) -> NDArray[np.uint8]:
        """The batch in one size: uint8, shape (readable, height, width, 3), RGB.

        Raises:
            GatewayError: As Decoder.decode for one picture; of several, GatewayBusy.
        """
        outcomes = self._decoder.try_decode(self._pictures, self._deadline, size)
        self.errors = {
            place: outcome
            for place, outcome in enumerate(outcomes)
            if isinstance(outcome, GatewayError)
        }
        if len(outcomes) == 1 and self.errors:
            raise self.errors[0]
        return stack_images(outcomes, size)
