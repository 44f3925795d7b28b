"""Photos of requests that are under way at once go to the model in one call.

A call costs both sides about a millisecond of a core, whatever it carries. While few
are under way each photo is sent at once, and alone.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from gateway.deadline import Deadline
from gateway.errors import GatewayError
from gateway.targets import Reply, Target

# Four callers of EfficientNet-Lite0 get 130 photos/s with 3, as without gathering, and
# 122 to 126 with 2; sixteen gain the same with 2 and 3 (two cores, interleaved).
CALLS_AT_ONCE = 3
# So many photos go without waiting: other pods may be idle, and a run of 4 to 8 is as
# good as a larger one.
ENOUGH_PHOTOS = 8
# Longer than that nobody waits for a call to end, be it slow or hung.
PATIENCE_SECONDS = 0.02
# gRPC's default limit of a message, with room for what is not pixels. One request may
# have more, then it goes alone.
MOST_BYTES = 4 * 1024 * 1024 - 64 * 1024

Send = Callable[[NDArray[np.uint8], Deadline], Reply]


@dataclass(eq=False)
class _Place:
    """One request's photos, and what became of them."""

    batch: NDArray[np.uint8]
    deadline: Deadline
    woken: threading.Lock = field(default_factory=threading.Lock)
    # The places that this one has to send for, itself among them.
    group: tuple[_Place, ...] = ()
    reply: Reply | None = None


class Gathering:
    """The photos that wait, by what they are to be sent to."""

    def __init__(self) -> None:
        self._mutex = threading.Lock()
        self._lanes: dict[tuple[object, ...], _Lane] = {}

    def ask(
        self, target: Target, batch: NDArray[np.uint8], deadline: Deadline, send: Send
    ) -> Reply:
        """The reply to one request's photos, whoever sends them.

        Args:
            batch: uint8 (n, height, width, 3).
            send: The call itself. If it fails for photos of several requests, each of
                these sends its own: what is wrong with one harms no other, and no
                request waits longer than its own deadline says.

        Raises:
            GatewayError: As send.
        """
        key = (target, batch.shape[1:])
        place = _Place(batch, deadline)
        # pylint: disable-next=consider-using-with  # who sends for it releases it
        place.woken.acquire()
        with self._mutex:
            lane = self._lanes.setdefault(key, _Lane())
            lane.join(place)
        self._wait(lane, place)
        if place.group:
            try:
                _send_for(place, send)
            finally:
                self._leave(key, lane, place)
        return place.reply or send(batch, deadline)

    def _wait(self, lane: _Lane, place: _Place) -> None:
        """Until the place has a reply or a group to send for, or its time is over."""
        patience = min(PATIENCE_SECONDS, place.deadline.remaining_seconds())
        # pylint: disable=consider-using-with  # as above
        if place.woken.acquire(timeout=patience):
            return
        with self._mutex:
            lane.give_up(place)
        place.woken.acquire(timeout=place.deadline.remaining_seconds())

    def _leave(self, key: tuple[object, ...], lane: _Lane, place: _Place) -> None:
        """Tell the others of the group, and let the next ones go."""
        with self._mutex:
            lane.end_call()
            if lane.is_empty:
                self._lanes.pop(key, None)
        for other in place.group:
            if other is not place:
                other.woken.release()


class _Lane:
    """Photos of one size for one target; every call of it is made under one lock."""

    def __init__(self) -> None:
        self._waiting: deque[_Place] = deque()
        self._photos = 0
        self._calls = 0

    @property
    def is_empty(self) -> bool:
        """Nobody waits and nothing is under way."""
        return not self._waiting and not self._calls

    def join(self, place: _Place) -> None:
        """Wait from now on, or be sent at once."""
        self._waiting.append(place)
        self._photos += len(place.batch)
        if self._calls < CALLS_AT_ONCE or self._photos >= ENOUGH_PHOTOS:
            self._begin_call()

    def give_up(self, place: _Place) -> None:
        """Have a place sent that has waited long enough, unless somebody sends it."""
        while place in self._waiting:
            self._begin_call()

    def end_call(self) -> None:
        """A call is over; the next may go."""
        self._calls -= 1
        if self._waiting and self._calls < CALLS_AT_ONCE:
            self._begin_call()

    def _begin_call(self) -> None:
        """Let whoever has most time left send for all that fit into a message."""
        self._calls += 1
        group, size = [], 0
        while self._waiting:
            size += self._waiting[0].batch.nbytes
            if group and size > MOST_BYTES:
                break
            group.append(self._waiting.popleft())
        self._photos -= sum(len(place.batch) for place in group)
        sender = max(group, key=lambda place: place.deadline.ends_at)
        sender.group = tuple(group)
        sender.woken.release()


def _send_for(sender: _Place, send: Send) -> None:
    """One call; every place of its group gets its rows, or nothing if it failed."""
    batches = [place.batch for place in sender.group]
    try:
        reply = send(np.concatenate(batches), sender.deadline)
    except GatewayError:
        if len(batches) == 1:
            raise
        return
    end = 0
    for place in sender.group:
        begin, end = end, end + len(place.batch)
        place.reply = Reply(reply.version, reply.scores[begin:end])
