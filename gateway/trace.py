"""The trace a request belongs to: W3C trace context, on its way from HTTP to gRPC.

Owns what is passed on where nobody collects spans; spans.py makes them where somebody
does. Rooms ask span() and metadata() here and need not know which of the two it is.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext
from contextvars import ContextVar
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from gateway.spans import SpannedTrace

Metadata = tuple[tuple[str, str], ...]

TRACEPARENT = "traceparent"
TRACESTATE = "tracestate"
# Source: W3C Trace Context, section 3.2; a later version may append more.
_TRACEPARENT = re.compile(
    r"(?P<version>[0-9a-f]{2})-(?P<trace_id>[0-9a-f]{32})-(?P<parent_id>[0-9a-f]{16})"
    r"-(?P<flags>[0-9a-f]{2})(?P<more>-.*)?"
)
# Section 3.3.1.5 asks for 512 at least; gRPC metadata must be printable ASCII.
_TRACESTATE = re.compile(r"[\x20-\x7e]{1,512}")


@dataclass(frozen=True)
class PassedTrace:
    """A caller's trace that goes on as it came; without one, nothing does."""

    trace_id: str | None = None
    metadata: Metadata = ()

    @staticmethod
    def span(_name: str) -> AbstractContextManager[object]:
        """Nobody looks at the parts of this request."""
        return nullcontext()


_current: ContextVar[PassedTrace | SpannedTrace] = ContextVar(
    "trace", default=PassedTrace()
)


def enter_trace(trace: PassedTrace | SpannedTrace) -> None:
    """Let a trace be that of the request under way."""
    _current.set(trace)


def span(name: str) -> AbstractContextManager[object]:
    """A block that is one part of the request under way, by the name of its stage."""
    return _current.get().span(name)


def metadata() -> Metadata:
    """What a gRPC call of the request under way tells of its trace."""
    return _current.get().metadata


def read_trace(headers: Mapping[str, str]) -> PassedTrace:
    """The trace that HTTP headers name; what is malformed is as if it were not there.

    So the standard wants it: a bad trace is no reason to refuse a request.
    """
    match = _TRACEPARENT.fullmatch(headers.get(TRACEPARENT, "").strip())
    if match is None or match["version"] == "ff":
        return PassedTrace()
    if match["version"] == "00" and match["more"]:
        return PassedTrace()
    trace_id, parent_id = match["trace_id"], match["parent_id"]
    if not int(trace_id, 16) or not int(parent_id, 16):
        return PassedTrace()
    passed = [(TRACEPARENT, f"00-{trace_id}-{parent_id}-{match['flags']}")]
    state = headers.get(TRACESTATE, "").strip()
    if _TRACESTATE.fullmatch(state):
        passed.append((TRACESTATE, state))
    return PassedTrace(trace_id, tuple(passed))
