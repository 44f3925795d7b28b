"""Several addresses fetched at once: a few threads, one deadline, one sum of bytes."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass

from gateway.body import Picture
from gateway.deadline import Deadline
from gateway.errors import FetchFailed, GatewayError, RequestTooLarge

Fetch = Callable[[str], bytes]

# Enough that a site which takes half a second a picture gives 32 in two seconds.
FETCH_THREADS = 8


@dataclass(frozen=True)
class FetchLimits:
    """How long all fetches of one request may take, and what they may bring."""

    seconds: float
    total_bytes: int


def fetch_all(
    urls: Sequence[str], fetch: Fetch, limits: FetchLimits
) -> tuple[Picture, ...]:
    """What each address gave, or the error in its place.

    A fetch that is still under way at the deadline is left to end by its own.
    """
    purse = _Purse(limits.total_bytes)
    threads = ThreadPoolExecutor(min(FETCH_THREADS, len(urls)), "fetch")
    try:
        fetches = [threads.submit(_fetch_one, url, fetch, purse) for url in urls]
        wait(fetches, Deadline.after(limits.seconds).remaining_seconds())
    finally:
        threads.shutdown(wait=False, cancel_futures=True)
    return tuple(_outcome(future, limits) for future in fetches)


def _fetch_one(url: str, fetch: Fetch, purse: _Purse) -> Picture:
    try:
        purse.check()
        picture = fetch(url)
        purse.spend(len(picture))
    except GatewayError as error:
        return error
    return picture


def _outcome(future: Future[Picture], limits: FetchLimits) -> Picture:
    if future.done() and not future.cancelled():
        return future.result()
    return FetchFailed(
        f"expected all pictures within {limits.seconds:g} s, received not this one"
    )


class _Purse:
    """The bytes that all fetches of a request may still bring."""

    def __init__(self, total_bytes: int) -> None:
        self._total_bytes = total_bytes
        self._left = total_bytes
        self._lock = threading.Lock()

    def spend(self, count: int) -> None:
        """Take so many bytes; RequestTooLarge if they are not there."""
        with self._lock:
            self._left -= count
            self.check()

    def check(self) -> None:
        """RequestTooLarge once the bytes are spent."""
        if self._left < 0:
            raise RequestTooLarge(
                f"expected at most {self._total_bytes} bytes of pictures in all, "
                "received more"
            )
