"""How much memory a process and its children hold, now and at most so far."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

import psutil

MEGABYTE = 1024 * 1024
_PEAK = re.compile(r"^VmHWM:\s+(\d+) kB$", re.MULTILINE)


@dataclass(frozen=True)
class Memory:
    """Megabytes of a process and its children together.

    resident counts what they share once for each, share (PSS) once for all; peak is
    the kernel's own record of the most that each was ever resident, added up.
    """

    resident: float
    share: float
    peak: float


def read_memory(pid):
    """What the process and its children hold now.

    Raises:
        psutil.NoSuchProcess: One of them has ended.
    """
    process = psutil.Process(pid)
    family = [process, *process.children(recursive=True)]
    found = [each.memory_full_info() for each in family]
    return Memory(
        resident=sum(each.rss for each in found) / MEGABYTE,
        share=sum(each.pss for each in found) / MEGABYTE,
        peak=sum(_read_peak(each.pid) for each in family) / MEGABYTE,
    )


def _read_peak(pid):
    """Bytes. Source: proc_pid_status(5), VmHWM."""
    status = Path(f"/proc/{pid}/status").read_text(encoding="utf-8")
    found = _PEAK.search(status)
    if found is None:
        raise psutil.ZombieProcess(pid)  # it holds nothing any more
    return 1024 * int(found[1])
