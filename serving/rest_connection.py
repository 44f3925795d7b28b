"""HTTP connections that bear with senders of what is no request, or half of one."""

from __future__ import annotations

from cheroot.server import HTTPConnection, HTTPRequest

# Of a body that nobody read; the library makes room for all of it at once.
_MAX_SKIPPED_BYTES = 2**20


class _Request(HTTPRequest):
    """A request line that is no URL, such as `GET http://[/`, is the caller's fault."""

    def parse_request(self) -> None:
        """Read the line and the header, or answer what is wrong with them."""
        try:
            super().parse_request()
        except ValueError as error:
            self.simple_response("400 Bad Request", f"Malformed Request-URI: {error}")

    def send_headers(self) -> None:
        """Hang up where the library would wait for, or mistake, the rest of a body."""
        if self.chunked_read:
            is_left = not self.rfile.closed
        else:
            is_left = getattr(self.rfile, "remaining", 0) > _MAX_SKIPPED_BYTES
        self.close_connection = self.close_connection or is_left
        super().send_headers()


class RestConnection(HTTPConnection):
    """For cheroot's Server.ConnectionClass."""

    RequestHandlerClass = _Request
