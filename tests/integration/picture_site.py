"""A web site on loopback with a picture and the traps of hostile ones."""

from __future__ import annotations

import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import unquote

PICTURE = bytes(range(256)) * 40
REDIRECTS = {
    "/once": "/picture",
    "/other-host": "http://other.example/picture",
    "/loop": "/loop",
    "/nowhere": "",
    "/inward": "http://10.0.0.7/picture",
    "/metadata": "http://169.254.169.254/latest/",
    "/inward-name": "http://inward.example/picture",
    "/file": "file:///etc/passwd",
    "/port": "http://public.example:8500/",
    "/user": "http://user@public.example/",
}
HEADERS = b"HTTP/1.1 200 OK\r\nContent-Type: image/png\r\n"


class PictureSite(BaseHTTPRequestHandler):
    """A web site with a picture and some traps."""

    def do_GET(self):  # pylint: disable=invalid-name  # the library's name
        """Answer one path."""
        self.server.hosts.append(self.headers["Host"])
        if self.path in REDIRECTS:
            self.send_response(302)
            self.send_header("Location", REDIRECTS[self.path])
            self.end_headers()
        elif self.path == "/gone":
            self.send_error(404)
        elif self.path in ("/picture", "/caf%C3%A9?a=b%20c"):
            self.wfile.write(
                HEADERS + b"Content-Length: %d\r\n\r\n" % len(PICTURE) + PICTURE
            )
        else:
            getattr(self, "send_" + self.path[1:].partition("?")[0])()

    def send_endless(self):
        """Bytes until the client leaves."""
        self.wfile.write(HEADERS + b"\r\n")
        while not self.server.closing.is_set():
            self.wfile.write(bytes(64 * 1024))

    def send_drip(self):
        """One byte now and then, for ever."""
        self.wfile.write(HEADERS + b"\r\n")
        while not self.server.closing.wait(0.02):
            self.wfile.write(b"x")

    def send_silence(self):
        """Nothing at all."""
        self.server.closing.wait(30)

    def send_slow_headers(self):
        """A header that never ends."""
        self.wfile.write(b"HTTP/1.1 200 OK\r\nX-Slow: ")
        while not self.server.closing.wait(0.02):
            self.wfile.write(b"x")

    def send_cut(self):
        """Fewer bytes than announced."""
        self.wfile.write(HEADERS + b"Content-Length: 500\r\n\r\n" + bytes(100))

    def send_zipped(self):
        """A body that would have to be unpacked."""
        self.wfile.write(HEADERS + b"Content-Encoding: gzip\r\n\r\n" + bytes(10))

    def send_chunked(self):
        """A body in two chunks."""
        head = HEADERS + b"Transfer-Encoding: chunked\r\n\r\n"
        self.wfile.write(head + b"3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n")

    def send_packed(self):
        """The same, said as a coding of the transfer."""
        self.wfile.write(HEADERS + b"Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n")

    def send_huge(self):
        """More bytes announced than anybody takes."""
        self.wfile.write(HEADERS + b"Content-Length: %d\r\n\r\n" % 10**15)

    def send_typed(self):
        """A picture of the type that follows the question mark, or of none."""
        kind = unquote(self.path.partition("?")[2])
        field = f"Content-Type: {kind}\r\n" if kind else ""
        self.wfile.write(f"HTTP/1.1 200 OK\r\n{field}\r\nabcde".encode())

    def send_long_head(self):
        """Header fields until the client leaves."""
        self.send_for_ever(b"X-Field: %s\r\n" % (b"a" * 8000), HEADERS)

    def send_continues(self):
        """Interim answers, and never the last one."""
        self.send_for_ever(b"HTTP/1.1 100 Continue\r\n\r\n")

    def send_crumbs(self):
        """A chunk of one byte in a frame of a kilobyte, again and again."""
        crumb = b"1;%s\r\nx\r\n" % (b"a" * 1000)
        self.send_for_ever(crumb, HEADERS + b"Transfer-Encoding: chunked\r\n\r\n")

    def send_trailers(self):
        """Fields after the last chunk, without an end."""
        head = HEADERS + b"Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n"
        self.send_for_ever(b"X-Trailer: a\r\n", head)

    def send_for_ever(self, piece, head=b""):
        """The head once and the piece until the client leaves."""
        self.wfile.write(head)
        while not self.server.closing.is_set():
            self.wfile.write(piece * 50)

    def send_noise(self):
        """Not HTTP at all."""
        self.wfile.write(b"SSH-2.0-OpenSSH\r\n\r\n")

    def log_message(self, format, *args):  # pylint: disable=redefined-builtin
        """Say nothing: tests fail on their own."""


class Site(ThreadingHTTPServer):
    """Ends its endless answers when it is closed; ignores clients that left."""

    def __init__(self):
        super().__init__(("localhost", 0), PictureSite)
        self.closing = threading.Event()
        self.hosts = []

    def handle_error(self, request, client_address):
        """A client that hangs up is what the tests want."""
