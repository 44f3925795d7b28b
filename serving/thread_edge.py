"""The edge of the threads that nobody calls: a bug is logged, the thread lives on."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from typing import TypeVar

logger = logging.getLogger(__name__)

ResultT = TypeVar("ResultT")


def run_at_edge(step: Callable[[], ResultT], otherwise: ResultT) -> ResultT:
    """What the step returns; otherwise where it ended with an error nobody expected."""
    try:
        return step()
    except Exception:  # pylint: disable=broad-exception-caught  # the threads' edge
        logger.exception("event=bug thread=%s", threading.current_thread().name)
        return otherwise
