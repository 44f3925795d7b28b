"""The HTTP server: one thread reads for all connections, others answer whole requests.

A connection holds no answering thread before its request is complete.
"""

from __future__ import annotations

import math
import socket
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from functools import partial

from flask import Flask
from waitress import wasyncore
from waitress.adjustments import Adjustments
from waitress.server import TcpWSGIServer

from serving.rest_channel import RestChannel
from serving.thread_edge import run_at_edge

# Source: HTTP_READ_TIMEOUT and HTTP_WRITE_TIMEOUT of libevent's http-internal.h.
IDLE_SECONDS = 50
_CLEANUP_SECONDS = 5
_LOOP_SECONDS = 1.0
# Each read waits for Python's lock, which a thread that computes gives away every 5 ms.
_READ_BYTES = 2**17


class RestServer(TcpWSGIServer):
    """Answers HTTP from start() on until drain() has ended; it starts once."""

    channel_class = RestChannel

    def __init__(
        self, app: Flask, listening: socket.socket, threads: int, connections: int
    ) -> None:
        """Take over a socket that listens.

        Args:
            app: What answers.
            listening: TCP; closed by drain().
            threads: How many requests are answered at once.
            connections: How many are open at once; others wait in the socket's queue.
        """
        super().__init__(
            app,
            _sock=listening,
            adj=_adjust(threads, connections),
            sockinfo=(listening.family, listening.type, listening.proto, None),
            bind_socket=False,
        )
        self.port: int = listening.getsockname()[1]
        self._thread = threading.Thread(target=self._serve, name="rest", daemon=True)
        self._cut_at = math.inf
        self._is_cut = threading.Event()
        # The loop may hear of the drain, and end, before the trigger was pulled.
        self._waking = threading.Lock()

    def start(self) -> None:
        """Answer from now on."""
        self._thread.start()

    @property
    def is_draining(self) -> bool:
        """Whether connections end as soon as nothing is under way on them."""
        return not self.accepting

    def drain(self, grace_seconds: float) -> Callable[[float], bool]:
        """Refuse new connections, finish the requests that are read or answered.

        What takes longer than grace_seconds is cut from its caller, and may run on.

        Returns:
            Waits for the end of all connections, so many seconds; whether that came.
        """
        is_first = self._cut_at == math.inf
        self._cut_at = min(self._cut_at, time.monotonic() + grace_seconds)
        if is_first:
            with self._waking:
                self.trigger.pull_trigger(self._refuse_more)
        return self._is_cut.wait

    def join(self) -> None:
        """Wait, after drain(), until no thread is left; for runs that were cut too."""
        self._thread.join()

    def _refuse_more(self) -> None:
        # Who is in the queue has been let in by the kernel.
        self.handle_accept()
        # Of the listening socket alone; close() would end the trigger as well.
        wasyncore.dispatcher.close(self)

    def _serve(self) -> None:
        while not self._is_over():
            run_at_edge(partial(self._loop_once, self._seconds_to_wait()), None)
        for channel in tuple(self.active_channels.values()):
            channel.handle_close()
        self._is_cut.set()
        # Its threads wake the loop, so the trigger goes last.
        self.task_dispatcher.shutdown(timeout=math.inf)
        with self._waking:
            self.close()

    def _is_over(self) -> bool:
        if not self.is_draining:
            return False
        return not self.active_channels or time.monotonic() >= self._cut_at

    def _seconds_to_wait(self) -> float:
        return max(0.0, min(_LOOP_SECONDS, self._cut_at - time.monotonic()))

    def _loop_once(self, seconds: float) -> None:
        # select() takes no descriptor above 1023.
        wasyncore.loop(seconds, use_poll=True, map=self._map, count=1)

    def handle_accept(self) -> None:
        """Let in all who wait, and not one for each round of the loop."""
        count = -1
        while count < len(self.active_channels) and not self._is_full():
            count = len(self.active_channels)
            super().handle_accept()

    def _is_full(self) -> bool:
        return len(self._map) >= self.adj.connection_limit

    def maintenance(self, now: float) -> None:
        """End connections that neither sent nor took anything for IDLE_SECONDS.

        Args:
            now: Seconds since the epoch.
        """
        for channel in tuple(self.active_channels.values()):
            is_answered = channel.requests and not channel.is_parked
            if is_answered or channel.last_activity >= now - IDLE_SECONDS:
                continue
            channel.will_close = True
            # Wakes the loop, also for a peer that takes nothing of its answer.
            with suppress(OSError):
                channel.socket.shutdown(socket.SHUT_RDWR)


def _adjust(threads: int, connections: int) -> Adjustments:
    return Adjustments(
        threads=threads,
        # The socket that listens and the one that wakes the loop count as well.
        connection_limit=connections + 2,
        cleanup_interval=_CLEANUP_SECONDS,
        recv_bytes=_READ_BYTES,
        # Bodies stay in memory, as in TensorFlow Serving: they are parsed whole, and a
        # container may have no place for files. No thread waits for a slow reader.
        max_request_body_size=sys.maxsize,
        inbuf_overflow=sys.maxsize,
        outbuf_overflow=sys.maxsize,
        outbuf_high_watermark=sys.maxsize,
        # A caller that hangs up is no news.
        log_socket_errors=False,
        clear_untrusted_proxy_headers=False,
        ident=None,
    )
