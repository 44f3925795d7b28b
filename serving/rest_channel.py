"""One HTTP connection: how it refuses, what it keeps, when it ends."""

from __future__ import annotations

from waitress.channel import HTTPChannel
from waitress.task import ErrorTask, WSGITask

from serving.json_answers import write_error
from serving.json_writer import encode_text
from serving.rest_parser import RestParser


class _Call(WSGITask):
    """A request that the application answers."""

    def build_response_header(self) -> bytes:
        """The header; the last answer of a server that drains says so."""
        channel = self.channel
        if channel.server.is_draining and not channel.has_more():
            self.request.headers["CONNECTION"] = "close"
        return super().build_response_header()


class _Refusal(ErrorTask):
    """A request that never reaches the application, in the API's JSON."""

    def execute(self) -> None:
        """Answer what is wrong with it, and hang up."""
        error = self.request.error
        body = encode_text(write_error(error.body))
        self.status = f"{error.code} {error.reason}"
        self.response_headers.append(("Content-Type", "application/json"))
        # set_close_on_finish() would say close and, before HTTP/1.1, keep-alive.
        self.request.headers["CONNECTION"] = "close"
        self.content_length = len(body)
        self.write(body)


class RestChannel(HTTPChannel):
    """A connection of a RestServer; the loop's thread owns it but for service()."""

    parser_class = RestParser
    task_class = _Call
    error_task_class = _Refusal
    # Whether the next request waits until the answer before it was taken.
    is_parked = False

    def service(self) -> None:
        """Answer the next request; not before the answer before it is on its way.

        Who sends a thousand requests and reads nothing would pile up a thousand
        answers, where libevent keeps one.
        """
        with self.outbuf_lock:
            must_wait = self.is_parked = bool(self.total_outbufs_len)
        if must_wait:
            self.server.pull_trigger()
        else:
            super().service()

    def _go_on(self) -> None:
        with self.outbuf_lock:
            self.is_parked = bool(self.total_outbufs_len)
        if not self.is_parked:
            self.server.add_task(self)

    def has_more(self) -> bool:
        """Whether a request came, whole or in part, behind the one that is answered."""
        return len(self.requests) > 1 or self._is_reading()

    def _is_reading(self) -> bool:
        return self.request is not None and self.request.has_begun

    def _is_needless(self) -> bool:
        return self.server.is_draining and not (
            self.requests or self.total_outbufs_len or self._is_reading()
        )

    def writable(self) -> bool:
        """Whether the loop shall call handle_write()."""
        return bool(super().writable()) or self._is_needless()

    def handle_write(self) -> None:
        """Send what waits; or end, while draining, where nothing was left to read.

        The loop reads before it writes, so a request that was sent in time is seen.
        """
        if self._is_needless():
            self.will_close = True
        super().handle_write()
        if self.is_parked:
            self._go_on()

    def _flush_some(self, do_close: bool = True) -> bool:
        """Send, and let go of what was sent: waitress would keep the last answer, which
        may be of many MB, as long as the connection is open.
        """
        has_sent = super()._flush_some(do_close)
        if has_sent and not self.total_outbufs_len:
            self.outbufs[-1].prune()
        return has_sent
