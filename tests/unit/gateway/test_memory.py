"""What the system's allocator was told, seen by where it puts things."""

from __future__ import annotations

import subprocess
import sys

import pytest

# Whether a block that another thread takes lies in the heap of the process itself.
_PROGRAM = """
import ctypes, re, threading
from gateway import memory

{call}
take = ctypes.CDLL(None).malloc
take.restype = ctypes.c_size_t
blocks = []
thread = threading.Thread(target=lambda: blocks.append(take(ctypes.c_size_t({size}))))
thread.start()
thread.join()
with open("/proc/self/maps") as file:
    heap = re.search(r"(\\w+)-(\\w+) .*\\[heap\\]", file.read())
print(int(heap[1], 16) <= blocks[0] < int(heap[2], 16))
"""


@pytest.mark.skipif(sys.platform != "linux", reason="malloc and /proc of Linux")
@pytest.mark.parametrize(
    "call, size, is_in_heap",
    [
        ("", 100_000, False),
        ("memory.share_one_heap()", 100_000, True),
        ("memory.share_one_heap(); memory.return_large_blocks()", 900_000, True),
        ("memory.share_one_heap(); memory.return_large_blocks()", 1_100_000, False),
    ],
)
def test_heap(call, size, is_in_heap):
    """Threads share the process' own heap once told so; large blocks stay outside."""
    program = _PROGRAM.format(call=call, size=size)

    answer = subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )

    assert answer.stdout.strip() == str(is_in_heap)
