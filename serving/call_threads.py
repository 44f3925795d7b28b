"""The threads of gRPC calls: who answers holds a place, who waits for its caller none.

grpc gives a call a thread before its message has come. A caller that never finishes
one would keep that thread, and as many as there are threads would stop the server.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from typing import Any

# A message that is on its way at all has come by then; one that has not may still come,
# and is answered although its place was given away.
_STALLED_SECONDS = 0.5
# Each costs 43 KB; a container may have as few as 1024 processes and threads.
_STALLED_CALLS = 512


@dataclass(eq=False)
class _Call:
    """One call that grpc wants a thread for; changed under the threads' lock only."""

    work: Callable[[], object]
    future: Future[None] = field(default_factory=Future)
    started_at: float = 0.0
    has_place: bool = False
    has_arrived: bool = False


class CallThreads:
    """As many calls are answered at once as there are places; the others queue.

    A call whose message has not come gives its place away where others want it, and
    keeps its thread. So does a stream, as soon as it says leave().
    """

    def __init__(
        self,
        places: int,
        stalled_seconds: float = _STALLED_SECONDS,
        stalled_calls: int = _STALLED_CALLS,
    ) -> None:
        """Start no thread yet.

        Args:
            places: How many calls are answered at once.
            stalled_seconds: How long a call may wait for its message at its place.
            stalled_calls: How many may wait without one; further ones keep theirs.
        """
        self._pool = ThreadPoolExecutor(
            places + stalled_calls, thread_name_prefix="grpc"
        )
        self._lock = threading.Lock()
        self._free_places = places
        self._free_threads = stalled_calls
        self._stalled_seconds = stalled_seconds
        self._queue: deque[_Call] = deque()
        self._started: set[_Call] = set()
        self._is_looking = False
        self._current = threading.local()

    def submit(self, work: Callable[..., Any], /, *arguments: Any) -> Future[None]:
        """Run it in a thread, as soon as there is a place; all that grpc asks for."""
        call = _Call(partial(work, *arguments))
        with self._lock:
            self._queue.append(call)
            self._start_queued()
        return call.future

    def arrive(self) -> None:
        """Told by a call, in its thread, that its message has come."""
        call = self._current.call
        with self._lock:
            call.has_arrived = True
            if not call.has_place:
                # Nobody is sent away for it: for a moment there is one place more.
                self._take_place(call)
                self._free_threads += 1

    def leave(self) -> None:
        """Told by a call, in its thread, that it waits for its caller again and again.

        It keeps its place where too many calls have none already.
        """
        call = self._current.call
        with self._lock:
            self._give_place_away(call)
            self._start_queued()

    def count_started(self) -> int:
        """How many calls have a thread."""
        with self._lock:
            return len(self._started)

    def _start_queued(self) -> None:
        """Called under the lock; it and the next two."""
        while self._queue and self._free_places > 0:
            call = self._queue.popleft()
            self._take_place(call)
            call.started_at = time.monotonic()
            self._started.add(call)
            self._pool.submit(self._run, call)
        if self._queue and not self._is_looking:
            self._is_looking = True
            looking = threading.Timer(self._stalled_seconds, self.look)
            looking.daemon = True
            looking.start()

    def _take_place(self, call: _Call) -> None:
        call.has_place = True
        self._free_places -= 1

    def _give_place_away(self, call: _Call) -> None:
        if call.has_place and self._free_threads > 0:
            call.has_place = False
            self._free_places += 1
            self._free_threads -= 1

    def look(self) -> None:
        """Give away the places of calls whose message is late; called while others
        queue, by a thread of its own."""
        with self._lock:
            self._is_looking = False
            latest = time.monotonic() - self._stalled_seconds
            for call in self._started:
                if not call.has_arrived and call.started_at <= latest:
                    self._give_place_away(call)
            self._start_queued()

    def _run(self, call: _Call) -> None:
        self._current.call = call
        try:
            call.work()
        finally:
            self._current.call = None
            self._finish(call)
            call.future.set_result(None)

    def _finish(self, call: _Call) -> None:
        with self._lock:
            self._started.remove(call)
            if call.has_place:
                self._free_places += 1
            else:
                self._free_threads += 1
            self._start_queued()
