"""A public address becomes bytes; whatever leads inward is refused before a connection.

Every hop of a redirect is checked like the first. Owns what a picture's answer may be;
the form of an address is picture_url.py's, the connection outbound.py's.
"""

from __future__ import annotations

import http.client
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http import HTTPStatus
from typing import TYPE_CHECKING

from gateway.deadline import Deadline
from gateway.errors import FetchFailed, ForbiddenUrl, GatewayBusy, ImageTooLarge
from gateway.outbound import FetchRules, open_response
from gateway.picture_url import read_picture_url
from gateway.reach import Reach

if TYPE_CHECKING:
    from gateway.settings import Settings

MAX_REDIRECTS = 3
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_CHUNK_BYTES = 64 * 1024


class PictureFetch:
    """Fetches pictures, a few at a time: slow sites never hold all threads."""

    def __init__(self, rules: FetchRules, slots: int) -> None:
        self._rules = rules
        self._slots = threading.BoundedSemaphore(slots)
        # What a batch asks for at once takes turns, what a crowd asks for does not.
        self._patience_seconds = rules.timeout_seconds / 4

    def __call__(self, url: str) -> bytes:
        """The picture at an address.

        Raises:
            GatewayBusy: No slot came free within a quarter of a fetch's time.
            GatewayError: As fetch_picture.
        """
        with self._slot():
            return fetch_picture(url, self._rules)

    @contextmanager
    def _slot(self) -> Iterator[None]:
        if not self._slots.acquire(timeout=self._patience_seconds):
            raise GatewayBusy("expected a free fetch in time, all are busy")
        try:
            yield
        finally:
            self._slots.release()


def make_fetch(settings: Settings) -> PictureFetch:
    """The function that gets a picture at an address, as far as the settings allow.

    At most half as many fetches at a time as there are threads that answer.
    """
    rules = FetchRules(
        max_bytes=settings.max_image_bytes,
        timeout_seconds=settings.fetch_timeout_seconds,
        reach=Reach.from_text(settings.url_fetch),
    )
    return PictureFetch(rules, slots=max(1, settings.threads // 2))


def fetch_picture(url: str, rules: FetchRules) -> bytes:
    """The body at an address that may be called, after at most three redirects.

    Raises:
        ForbiddenUrl: The address, or one it redirects to, is not one we call.
        FetchFailed: No answer in time, or one that is no picture.
        ImageTooLarge: More bytes than the rules allow.
    """
    if rules.reach.is_off:
        raise ForbiddenUrl("this gateway fetches no pictures; send the file itself")
    deadline = Deadline.after(rules.timeout_seconds)
    place = read_picture_url(url)
    for _ in range(MAX_REDIRECTS + 1):
        with open_response(place, rules, deadline) as response:
            if response.status not in _REDIRECTS:
                return _read_body(response, rules.max_bytes)
            place = place.follow(response.headers.get("Location"))
    raise FetchFailed(f"expected at most {MAX_REDIRECTS} redirects, received more")


def _read_body(response: http.client.HTTPResponse, max_bytes: int) -> bytes:
    _check_head(response)
    expected = response.length or 0
    if expected > max_bytes:
        raise ImageTooLarge(f"expected at most {max_bytes} bytes, received {expected}")
    body = bytearray()
    while chunk := response.read1(_CHUNK_BYTES):
        body += chunk
        if len(body) > max_bytes:
            raise ImageTooLarge(f"expected at most {max_bytes} bytes, received more")
    if len(body) < expected:
        raise FetchFailed(f"expected {expected} bytes, received {len(body)}")
    return bytes(body)


def _check_head(response: http.client.HTTPResponse) -> None:
    """Refuse what is no picture, and what would have to be unpacked: a few kilobytes
    of that may be gigabytes."""
    if response.status != HTTPStatus.OK:
        raise FetchFailed(f"expected status 200, received {response.status}")
    codings = _list_tokens(response, "Content-Encoding")
    codings += [
        token
        for token in _list_tokens(response, "Transfer-Encoding")
        if token != "chunked"
    ]
    if any(coding != "identity" for coding in codings):
        raise FetchFailed("expected a picture that is not compressed once more")
    kind = response.headers.get("Content-Type", "").partition(";")[0].strip().lower()
    if kind and not kind.startswith("image/") and not kind.endswith("/octet-stream"):
        raise FetchFailed(f"expected a picture (image/*), received {kind[:100]}")


def _list_tokens(response: http.client.HTTPResponse, name: str) -> list[str]:
    """The parts of a comma list that may stand in several fields, in lower case."""
    fields = ",".join(response.headers.get_all(name, []))
    return [token.strip().lower() for token in fields.split(",") if token.strip()]
