"""What a process holds, asked of the system."""

from __future__ import annotations

import os
import subprocess
import sys

import psutil
import pytest

from tests.benchmark.memory import read_memory


def test_own_memory():
    """The peak is at least what is resident, and that at least the share of it."""
    memory = read_memory(os.getpid())

    assert memory.peak >= 0.99 * memory.resident
    assert memory.resident >= 0.99 * memory.share > 1


def test_ended_process():
    """A process that ended but was not waited for is told as gone."""
    with subprocess.Popen([sys.executable, "-c", ""]) as process:
        # Tells that it ended, and leaves it to be waited for.
        os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)

        with pytest.raises(psutil.NoSuchProcess):
            read_memory(process.pid)
