"""The end of a worker as its clients see it: who was told to stay gets an answer."""

from __future__ import annotations

import math
import time
from functools import cache

from gunicorn.http.message import Request

# A client may have sent its next request when the worker is told to end. Who was silent
# for so long is hung up on; well within gunicorn's graceful_timeout.
LAST_CALL_SECONDS = 3.0


class LastCall:
    """From begin() on every answer says that its connection ends."""

    def __init__(self) -> None:
        self.has_begun = False
        self._ends_at = math.inf

    def begin(self) -> None:
        """The end has come; told again it changes nothing."""
        if not self.has_begun:
            self._ends_at = time.monotonic() + LAST_CALL_SECONDS
            self.has_begun = True

    @property
    def is_over(self) -> bool:
        """True if whoever is silent may be hung up on."""
        return time.monotonic() >= self._ends_at

    def tell(self, request: Request) -> None:
        """Let the answer's head say what happens to the connection then.

        Gunicorn decides when the request begins, and again when it was answered.
        """
        should_close = request.should_close
        request.should_close = cache(lambda: self.has_begun or should_close())
