"""Gunicorn's threaded worker, made to outlast slow clients and idle connections.

A request is read by the one loop that waits for all connections, and gets a thread once
it is whole: however many clients crawl, the threads serve those who do not. Owns how a
worker reads and ends; knows no routes.
"""

from __future__ import annotations

import errno
import selectors
import socket
import time
from concurrent.futures import Future
from contextlib import suppress
from functools import partial
from http import HTTPStatus
from typing import Any

from gunicorn.http.errors import ParseException
from gunicorn.http.message import Request
from gunicorn.workers.gthread import ThreadWorker

from gateway.arrivals import CONTINUE, MAX_HEAD_BYTES, STALLED_SECONDS
from gateway.body_socket import BodySocket, buffer_body
from gateway.connection import Connection
from gateway.last_call import LastCall
from gateway.memory import return_large_blocks, share_one_heap
from gateway.refusals import describe_parse_error, write_refusal

# What all requests on their way may hold in memory. Beyond it a request is read by its
# thread, as gunicorn does; to get there takes more than a slow client.
MAX_HELD_BYTES = 64 * 1024 * 1024
# What a client may send beyond the largest upload before we hang up on it. Up to
# here it gets its 413: an answer that overtakes its body is lost in a reset.
DRAIN_BYTES = 64 * 1024 * 1024
_PIECE_BYTES = 64 * 1024
_LOOK_SECONDS = 1.0
_NO_MORE_FILES = frozenset({errno.EMFILE, errno.ENFILE})


class GatewayWorker(ThreadWorker):
    """A thread per whole request; a subclass, for gunicorn has no hook for all this."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        # A dict, since it keeps the order: the first has waited longest.
        self._arriving: dict[Connection, None] = {}
        self._held_bytes = 0
        self._looks_at = 0.0
        self._last_call = LastCall()

    def init_process(self) -> None:
        """Start to serve, with memory that goes back and that all threads share."""
        return_large_blocks()
        share_one_heap()
        super().init_process()

    def accept(self, listener: socket.socket) -> None:
        """Take a connection in; no thread waits for what it will send."""
        try:
            client, address = listener.accept()
        except (BlockingIOError, ConnectionAbortedError):
            return
        except OSError as error:
            if error.errno not in _NO_MORE_FILES:
                raise
            self._let_one_go()
            return
        self.nr_conns += 1
        conn = Connection(self.cfg, client, address, listener.getsockname())
        conn.set_timeout()
        self.pending_conns.append(conn)
        read = partial(self.on_pending_socket_readable, conn)
        self.poller.register(client, selectors.EVENT_READ, read)

    def on_pending_socket_readable(
        self, conn: Connection, client: socket.socket
    ) -> None:
        """A new connection sends its first request."""
        self.pending_conns.remove(conn)
        self._begin(conn, client)

    def on_client_socket_readable(
        self, conn: Connection, client: socket.socket
    ) -> None:
        """A connection that was kept sends another request."""
        self.keepalived_conns.remove(conn)
        self._begin(conn, client)

    def handle_exit(self, sig: int, frame: object) -> None:
        """Begin to end; gunicorn hangs up at once, also on whom it told to stay."""
        self._last_call.begin()
        self.method_queue.defer(self.set_accept_enabled, False)

    def set_accept_enabled(self, enabled: bool) -> None:
        """Stop listening for good while ending: a new caller must go elsewhere at once.

        Gunicorn listens to the end and lets it wait for an answer that never comes.
        """
        super().set_accept_enabled(enabled and not self._last_call.has_begun)
        if self._last_call.has_begun:
            for listener in self.sockets:
                listener.close()

    def finish_request(self, conn: Connection, fs: Future[Any]) -> None:
        """Keep the connection or close it; begin again if more has come already."""
        self._held_bytes -= conn.arrival.size
        conn.waits_since = time.monotonic()
        super().finish_request(conn, fs)
        if self.keepalived_conns and self.keepalived_conns[-1] is conn:
            if conn.has_begun:
                self.on_client_socket_readable(conn, conn.sock)

    def handle_request(self, req: Request, conn: Connection) -> bool:
        """Answer one request whose body is read through a BodySocket."""
        settings = self.app.settings
        largest_upload = 2 * max(settings.max_image_bytes, settings.max_body_bytes)
        max_bytes = largest_upload + DRAIN_BYTES
        self._last_call.tell(req)
        req.unreader.sock = BodySocket(conn.sock, conn.arrival, req, max_bytes)
        req.body = buffer_body(req.body.reader)
        try:
            is_kept = super().handle_request(req, conn)
            if is_kept:
                conn.parser.finish_body()
        except TimeoutError:
            # Of a client that stalls in its body, or does not read its answer.
            return False
        return is_kept

    def handle_error(
        self, req: Request, client: socket.socket, addr: object, exc: Exception
    ) -> None:
        """Tell who sent no HTTP so, in the form of all errors."""
        if isinstance(exc, ParseException):
            self._answer(client, *describe_parse_error(exc))
        else:
            super().handle_error(req, client, addr, exc)

    def wait_for_and_dispatch_events(self, timeout: float) -> None:
        """Look around every second, also while ending.

        Gunicorn sleeps through its whole graceful_timeout as long as one client keeps
        an idle connection open. By then the Service sends us nothing new.
        """
        if self._last_call.has_begun:
            self.alive = bool(self.nr_conns) and not self._last_call.is_over
        if not self.alive:
            for conn in (*self.keepalived_conns, *self.pending_conns):
                conn.timeout = 0.0
        super().wait_for_and_dispatch_events(min(timeout, _LOOK_SECONDS))
        if time.monotonic() >= self._looks_at:
            self._looks_at = time.monotonic() + _LOOK_SECONDS
            self._end_late_arrivals()
        if self.nr_conns >= self.worker_connections:
            self._let_one_go()

    def _begin(self, conn: Connection, client: socket.socket) -> None:
        conn.begin()
        self._held_bytes += conn.arrival.size
        self._arriving[conn] = None
        read = partial(self._read_on, conn)
        self.poller.modify(client, selectors.EVENT_READ, read)
        self._read_on(conn, client)

    def _read_on(self, conn: Connection, client: socket.socket) -> None:
        """Take what has come; a whole request, or one cut off, goes to a thread."""
        arrival = conn.arrival
        is_cut = False
        try:
            piece = client.recv(_PIECE_BYTES)
            is_cut = not piece
            arrival.add(piece)
            self._held_bytes += len(piece)
        except BlockingIOError:
            pass
        except OSError:
            self._drop(conn)
            return
        is_full = self._held_bytes > MAX_HELD_BYTES
        if arrival.is_whole or (arrival.has_head and (is_cut or is_full)):
            self._hand_over(conn)
        elif is_cut:
            self._drop(conn)
        elif arrival.is_head_too_long:
            detail = f"expected at most {MAX_HEAD_BYTES} bytes of header fields"
            self._refuse(conn, HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE, detail)
        elif arrival.accept_expectation():
            with suppress(OSError):
                client.send(CONTINUE)

    def _hand_over(self, conn: Connection) -> None:
        """Let a thread answer; its parser reads what has come, and never waits."""
        if not conn.is_held_back:
            self.poller.unregister(conn.sock)
        conn.is_held_back = conn.is_deaf
        if conn.is_held_back:
            return
        del self._arriving[conn]
        conn.data_ready = True
        conn.parser.unreader.sock = conn.arrival
        self.enqueue_req(conn)

    def _end_late_arrivals(self) -> None:
        """Whoever crawls gets an answer: from the application once it has a head."""
        for conn in tuple(self._arriving):
            is_late = conn.arrival.patience.is_over
            if conn.is_held_back and is_late:
                self._drop(conn)
            elif conn.is_held_back:
                self._hand_over(conn)
            elif is_late and conn.arrival.has_head:
                conn.arrival.is_late = True
                self._hand_over(conn)
            elif is_late:
                detail = f"expected all header fields within {STALLED_SECONDS:g} s"
                self._refuse(conn, HTTPStatus.REQUEST_TIMEOUT, detail)

    def _refuse(self, conn: Connection, status: HTTPStatus, detail: str) -> None:
        self._answer(conn.sock, status, detail)
        self._drop(conn)

    def _answer(self, client: socket.socket, status: HTTPStatus, detail: str) -> None:
        self.log.info("refused status=%d detail=%r", status, detail)
        with suppress(OSError):
            client.send(write_refusal(status, detail))

    def _let_one_go(self) -> None:
        """Make room for a new client: whoever has kept us waiting longest leaves."""
        waiting = [
            conns[0] for conns in (self.keepalived_conns, self.pending_conns) if conns
        ]
        waiting += list(self._arriving)[:1]
        if not waiting:
            return
        longest = min(waiting, key=lambda conn: conn.waits_since)
        if longest in self._arriving:
            self._drop(longest)
        else:
            longest.timeout = 0.0

    def _drop(self, conn: Connection) -> None:
        del self._arriving[conn]
        self._held_bytes -= conn.arrival.size
        if not conn.is_held_back:
            self.poller.unregister(conn.sock)
        self.nr_conns -= 1
        conn.close()
