"""How a log line looks: stdout, key=value, UTC; says nothing of what is logged."""

from __future__ import annotations

import logging
import time
from typing import Any


class LineFormatter(logging.Formatter):
    """time=... level=... logger=... and the event; a traceback follows its line."""

    converter = time.gmtime
    default_time_format = "%Y-%m-%dT%H:%M:%S"
    default_msec_format = "%s.%03dZ"

    def __init__(self) -> None:
        super().__init__(
            "time=%(asctime)s level=%(levelname)s logger=%(name)s %(message)s"
        )


def logging_config(level: str) -> dict[str, Any]:
    """The logging set-up of one process, for logging.config.dictConfig."""
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {"line": {"()": LineFormatter}},
        "handlers": {
            "stdout": {
                "class": "logging.StreamHandler",
                "stream": "ext://sys.stdout",
                "formatter": "line",
            }
        },
        "root": {"level": level.upper(), "handlers": ["stdout"]},
    }
