"""One client's connection to gunicorn's worker, and its next request on the way."""

from __future__ import annotations

import io
from typing import Any

from gunicorn.workers.gthread import TConn

from gateway.arrivals import Arrival


class Connection(TConn):
    """One client's connection, and what it has sent of its next request."""

    def __init__(self, *parts: Any) -> None:
        super().__init__(*parts)
        self.arrival = Arrival()

    def begin(self) -> None:
        """Expect a request; what is left of the one before is its beginning."""
        self.init()
        self.sock.setblocking(False)
        unreader = self.parser.unreader
        left = unreader.buf.getvalue() + self.arrival.rest()
        unreader.buf = io.BytesIO()
        self.arrival = Arrival()
        self.arrival.add(left)

    @property
    def has_begun(self) -> bool:
        """True if the next request came on the heels of the one before."""
        return bool(self.parser.unreader.buf.getvalue() or self.arrival.rest())
