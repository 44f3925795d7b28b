"""What the figures were measured on, for a report's head."""

from __future__ import annotations

import os
import platform
from datetime import UTC, datetime
from pathlib import Path


def describe_machine():
    """Cores, processor and the time now, as a report's JSON has them."""
    return {
        "cores": os.cpu_count(),
        "processor": _read_processor(),
        "began_at": datetime.now(UTC).isoformat(timespec="seconds"),
    }


def _read_processor():
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        lines = []
    names = [
        line.partition(":")[2].strip() for line in lines if line.startswith("model na")
    ]
    return names[0] if names else platform.processor() or platform.machine()
