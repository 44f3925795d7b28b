"""HTTP connections that answer 400 where the library would call itself broken."""

from __future__ import annotations

from cheroot.server import HTTPConnection, HTTPRequest


class _Request(HTTPRequest):
    """A request line that is no URL, such as `GET http://[/`, is the caller's fault."""

    def parse_request(self) -> None:
        """Read the line and the header, or answer what is wrong with them."""
        try:
            super().parse_request()
        except ValueError as error:
            self.simple_response("400 Bad Request", f"Malformed Request-URI: {error}")


class RestConnection(HTTPConnection):
    """For cheroot's Server.ConnectionClass."""

    RequestHandlerClass = _Request
