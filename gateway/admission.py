"""How many requests are worked on, and how many may wait; one more is refused at once.

Owns the two numbers and the caller's own deadline; asks nobody who the caller is.
"""

from __future__ import annotations

import math
import threading

from flask import Flask, Response, g, request

from gateway import request_log
from gateway.deadline import Deadline, set_caller_patience
from gateway.errors import GatewayBusy, InvalidRequest
from gateway.problem import error_response
from gateway.settings import Settings
from gateway.turns import Turns

TIMEOUT_HEADER = "X-Request-Timeout-Seconds"


class Admission:
    """Places for requests in flight; a few of them are at work, the others wait."""

    def __init__(self, most_in_flight: int, most_at_work: int) -> None:
        self._most_in_flight = most_in_flight
        self._places = threading.BoundedSemaphore(most_in_flight)
        self._desks = Turns(most_at_work)

    def enter(self, patience: Deadline) -> None:
        """Take a place at once and a desk before the deadline; leave() gives both back.

        Raises:
            GatewayBusy: No place was free, or no desk in time.
        """
        # pylint: disable-next=consider-using-with  # another function leaves
        if not self._places.acquire(blocking=False):
            raise GatewayBusy(
                f"expected at most {self._most_in_flight} requests at once, "
                "received one more"
            )
        if not self._desks.acquire(timeout=patience.remaining_seconds()):
            self._places.release()
            raise GatewayBusy("expected a free thread in time, all are busy")

    def leave(self) -> None:
        """Give back what enter took."""
        self._desks.release()
        self._places.release()


def add_admission(app: Flask, settings: Settings) -> None:
    """Bound the requests at work and in flight; probes and files pass.

    A refusal is a short document also where the page was asked: it must cost nothing.
    """
    admission = Admission(settings.max_in_flight, settings.threads)

    def enter() -> Response | None:
        if request_log.is_probe() or request.endpoint == "static":
            return None
        try:
            admission.enter(Deadline.after(settings.model_timeout_seconds))
        except GatewayBusy as error:
            request_log.log_failure(error)
            return error_response(error)
        g.is_admitted = True
        return None

    def leave(_error: BaseException | None) -> None:
        # Contextvars outlive the request in its thread.
        set_caller_patience(math.inf)
        if g.pop("is_admitted", False):
            admission.leave()

    app.before_request(_heed_caller)
    app.before_request(enter)
    app.teardown_request(leave)


def _heed_caller() -> None:
    """Shrink every deadline of this request to what the caller says it waits."""
    text = request.headers.get(TIMEOUT_HEADER)
    if text is not None:
        set_caller_patience(_read_seconds(text))


def _read_seconds(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = math.nan
    if not 0 < seconds < math.inf:
        raise InvalidRequest(
            f"expected seconds above 0 in {TIMEOUT_HEADER}, "
            f"received {ascii(text[:100])}"
        )
    return seconds
