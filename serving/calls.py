"""One answered call, as the metrics and the request log want to know it."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass

from grpc import StatusCode

logger = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class Call:
    """What a door says of a call once it was answered.

    entrypoint: "GRPC" or "REST". method: Predict, Classify, ... over gRPC; predict,
    classify, regress over REST, "" for its other paths. model: the name asked for,
    served or not; "" where the call named none. seconds: from the request to the
    answer, both ends of the wire left out.
    """

    entrypoint: str
    method: str
    model: str
    code: StatusCode
    seconds: float


NoteCall = Callable[[Call], None]


def log_call(call: Call) -> None:
    """One line of the request log, for operators who ask for it."""
    logger.info(
        "event=call entrypoint=%s method=%s model=%r code=%s milliseconds=%.1f",
        call.entrypoint,
        call.method,
        call.model,
        call.code.name,
        call.seconds * 1000,
    )


def ignore_call(call: Call) -> None:
    """Note nothing; what a door does when nobody asked for more."""
    del call
