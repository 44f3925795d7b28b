"""One GET to a checked place: its name, all it resolves to, its certificate.

The connection goes to the address that was checked, so a second DNS answer changes
nothing. http.client is driven by hand, since a pool would resolve the name itself. No
proxy, cookie or password of this machine is ever used.
"""

from __future__ import annotations

import http.client
import io
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field

from gateway.deadline import Deadline
from gateway.errors import FetchFailed, ForbiddenUrl
from gateway.picture_url import PictureUrl
from gateway.reach import Reach

# One server's head and framing may take so much; a photo's take below 2 KB.
HEAD_BYTES = 64 * 1024
_HEADERS = {
    "Accept": "image/*",
    "Accept-Encoding": "identity",
    "Connection": "close",
    "User-Agent": "gateway-picture-fetch/1.0",
}
_UNKNOWN_NAME = frozenset({socket.EAI_NONAME, socket.EAI_NODATA})


def resolve_host(host: str, port: int) -> tuple[str, ...]:
    """All numeric addresses of a host name; none if there is no such name."""
    try:
        answers = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except socket.gaierror as error:
        if error.errno in _UNKNOWN_NAME:
            return ()
        raise
    return tuple(dict.fromkeys(str(answer[4][0]) for answer in answers))


@dataclass(frozen=True, kw_only=True)
class FetchRules:
    """How far a fetch may go; resolve and connect are the only doors to the network."""

    max_bytes: int
    timeout_seconds: float
    reach: Reach = Reach()
    resolve: Callable[[str, int], tuple[str, ...]] = resolve_host
    connect: Callable[[tuple[str, int], float], socket.socket] = (
        socket.create_connection
    )
    tls: ssl.SSLContext = field(default_factory=ssl.create_default_context)


class TimedReader(io.RawIOBase):
    """Reads of a connection end at the deadline, and after so many bytes.

    A socket's own timeout starts anew with each byte, so that a drip never ends.
    """

    def __init__(self, connection: socket.socket, deadline: Deadline) -> None:
        super().__init__()
        self._connection = connection
        self._deadline = deadline
        self.bytes_left = HEAD_BYTES

    def readable(self) -> bool:
        """Yes: what io asks before it reads."""
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        """The next bytes.

        Raises:
            TimeoutError: The deadline has passed.
            http.client.HTTPException: More bytes came than were allowed.
        """
        seconds = self._deadline.remaining_seconds()
        if seconds == 0:
            raise TimeoutError("the deadline has passed")
        self._connection.settimeout(seconds)
        received = self._connection.recv_into(buffer)
        self.bytes_left -= received
        if self.bytes_left < 0:
            raise http.client.HTTPException("more bytes than allowed")
        return received


class _TimedSocket:
    """What http.client sees of a connection."""

    def __init__(self, connection: socket.socket, reader: TimedReader) -> None:
        self._reader = reader
        self.sendall = connection.sendall

    def makefile(self, _mode: str) -> io.BufferedReader:
        """The one file that the response is read from."""
        return io.BufferedReader(self._reader)

    def close(self) -> None:
        """Nothing: the connection is closed by who opened it."""


@contextmanager
def open_response(
    url: PictureUrl, rules: FetchRules, deadline: Deadline
) -> Iterator[http.client.HTTPResponse]:
    """The answer of a checked address; everything is closed when the block ends.

    Raises:
        ForbiddenUrl: The host, its port or one of its addresses is not to be called.
        FetchFailed: No answer in time, or none that is HTTP; also out of the block.
    """
    if not rules.reach.allows_host(url.host, url.port):
        raise _forbidden(url)
    try:
        addresses = _checked_addresses(url, rules, deadline)
        with closing(_connect(addresses, url, rules, deadline)) as connection:
            reader = TimedReader(connection, deadline)
            with _ask(url, connection, reader) as response:
                # Chunks may have frames of their own; a photo's are far below a half.
                reader.bytes_left = rules.max_bytes + rules.max_bytes // 2 + HEAD_BYTES
                yield response
    except (OSError, http.client.HTTPException) as error:
        is_late = deadline.remaining_seconds() == 0
        reason = "answer in time" if is_late else "give a picture"
        raise FetchFailed(f"{url.host} did not {reason}") from error


def _forbidden(url: PictureUrl) -> ForbiddenUrl:
    """The same for a name that leads inward and one that is unknown.

    Told apart, they would let anyone outside list the names inside.
    """
    return ForbiddenUrl(
        f"expected a public address at port 80 or 443, or one that this gateway's "
        f"list allows; {url.host} at port {url.port} is none"
    )


def _checked_addresses(
    url: PictureUrl, rules: FetchRules, deadline: Deadline
) -> tuple[str, ...]:
    """All addresses of a host, once every one of them may be called."""
    addresses = (url.host,) if url.is_address else _resolve(url, rules, deadline)
    if not addresses or not all(map(rules.reach.allows_address, addresses)):
        raise _forbidden(url)
    return addresses


def _resolve(url: PictureUrl, rules: FetchRules, deadline: Deadline) -> tuple[str, ...]:
    """What the resolver says in time; a thread of its own, since it knows no deadline.

    The dot says that the name is whole: no search list of a cluster makes an inner
    name of it. Names of a list may be short on purpose.
    """
    name = f"{url.host}." if rules.reach.is_public else url.host
    answer: Future[tuple[str, ...]] = Future()

    def ask() -> None:
        try:
            answer.set_result(rules.resolve(name, url.port))
        except (OSError, UnicodeError) as error:
            answer.set_exception(OSError(str(error)))

    threading.Thread(target=ask, daemon=True).start()
    return answer.result(deadline.remaining_seconds())


def _connect(
    addresses: tuple[str, ...], url: PictureUrl, rules: FetchRules, deadline: Deadline
) -> socket.socket:
    """The first of the checked addresses that answers: IPv6 may lead nowhere here."""
    *others, last = addresses
    for address in others:
        with suppress(OSError):
            share = deadline.remaining_seconds() / len(addresses)
            connection = rules.connect((address, url.port), share)
            return _secure(connection, url, rules.tls, deadline)
    connection = rules.connect((last, url.port), deadline.remaining_seconds())
    return _secure(connection, url, rules.tls, deadline)


def _secure(
    connection: socket.socket, url: PictureUrl, tls: ssl.SSLContext, deadline: Deadline
) -> socket.socket:
    """The connection, in TLS for https; the certificate must hold the name."""
    if url.scheme != "https":
        return connection
    try:
        # Python counts a handshake's seconds in all, unlike those of a read.
        connection.settimeout(deadline.remaining_seconds())
        return tls.wrap_socket(connection, server_hostname=url.host)
    except BaseException:
        connection.close()
        raise


def _ask(
    url: PictureUrl, connection: socket.socket, reader: TimedReader
) -> http.client.HTTPResponse:
    """Send the request and read the answer's head."""
    client = http.client.HTTPConnection(url.host, url.port)
    client.sock = _TimedSocket(connection, reader)
    headers = {"Host": url.host_header, **_HEADERS}
    client.request("GET", url.target, headers=headers)
    return client.getresponse()
