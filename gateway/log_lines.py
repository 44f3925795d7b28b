"""How a log line looks: stdout, key=value or JSON, UTC; not what is logged."""

from __future__ import annotations

import json
import logging
import re
import time
from typing import Any

_PLAIN_VALUE = re.compile(r"[A-Za-z0-9._:/+-]+")


class Facts:
    """The message of one event: names and values, which each format writes its way."""

    def __init__(self, **values: object) -> None:
        self.values = values

    def __str__(self) -> str:
        return " ".join(f"{key}={_quote(value)}" for key, value in self.values.items())


def _quote(value: object) -> str:
    """The value on one line, in quotes where a blank or a line break would mislead."""
    text = str(value)
    return text if _PLAIN_VALUE.fullmatch(text) else json.dumps(text)


class LineFormatter(logging.Formatter):
    """time=... level=... logger=... and the event; a traceback follows its line."""

    converter = time.gmtime
    default_time_format = "%Y-%m-%dT%H:%M:%S"
    default_msec_format = "%s.%03dZ"

    def __init__(self) -> None:
        super().__init__(
            "time=%(asctime)s level=%(levelname)s logger=%(name)s %(message)s"
        )


class JsonFormatter(LineFormatter):
    """One JSON object a line; a traceback is its last member."""

    def format(self, record: logging.LogRecord) -> str:
        """The record with its facts as members, numbers as numbers."""
        document: dict[str, object] = {
            "time": self.formatTime(record),
            "level": record.levelname,
            "logger": record.name,
        }
        if isinstance(record.msg, Facts):
            document |= record.msg.values
        else:
            document["message"] = record.getMessage()
        if record.exc_info:
            document["traceback"] = self.formatException(record.exc_info)
        return json.dumps(document, default=str)


_FORMATTERS = {"keyvalue": LineFormatter, "json": JsonFormatter}


def logging_config(level: str, line_format: str = "keyvalue") -> dict[str, Any]:
    """The logging set-up of one process, for logging.config.dictConfig."""
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {"line": {"()": _FORMATTERS[line_format]}},
        "handlers": {
            "stdout": {
                "class": "logging.StreamHandler",
                "stream": "ext://sys.stdout",
                "formatter": "line",
            }
        },
        # A refused caller has its line already, and this one would name its key.
        "loggers": {"flask-limiter": {"level": "WARNING"}},
        "root": {"level": level.upper(), "handlers": ["stdout"]},
    }
