"""Which core a process may use, and how much of it a process has used."""

from __future__ import annotations

import os
from contextlib import contextmanager

import psutil


@contextmanager
def on_core(core):
    """This thread, and whatever it starts meanwhile, on one core."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {core})
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def first_and_last():
    """The numbers of two cores that may be used; of one, twice the same."""
    cores = sorted(os.sched_getaffinity(0))
    return cores[0], cores[-1]


def used_seconds(pid):
    """Processor time of a process and its children so far, the system's included."""
    process = psutil.Process(pid)
    spent = [each.cpu_times() for each in (process, *process.children())]
    return sum(times.user + times.system for times in spent)
