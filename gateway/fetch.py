"""A public address becomes bytes; whatever leads inward is refused before a connection.

Every hop is checked: the form of the address, then all addresses its name resolves to.
The connection goes to the address that was checked, so a second DNS answer changes
nothing. http.client is driven by hand, since a pool would resolve the name itself.
"""

from __future__ import annotations

import http.client
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http import HTTPStatus
from ipaddress import ip_address
from urllib.parse import SplitResult, quote, urljoin, urlsplit

from gateway.addresses import is_public
from gateway.deadline import Deadline
from gateway.errors import FetchFailed, ForbiddenUrl, ImageTooLarge

MAX_REDIRECTS = 3
MAX_URL_CHARACTERS = 2048
_PORTS = {"http": 80, "https": 443}
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_CHUNK_BYTES = 64 * 1024
_HEADERS = {
    "Accept": "image/*",
    "Accept-Encoding": "identity",
    "Connection": "close",
    "User-Agent": "gateway-picture-fetch/1.0",
}


def resolve_host(host: str, port: int) -> tuple[str, ...]:
    """All numeric addresses of a host name."""
    answers = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return tuple(dict.fromkeys(str(answer[4][0]) for answer in answers))


@dataclass(frozen=True, kw_only=True)
class FetchRules:
    """How far a fetch may go; resolve and connect are the only doors to the network."""

    max_bytes: int
    timeout_seconds: float
    resolve: Callable[[str, int], tuple[str, ...]] = resolve_host
    connect: Callable[[tuple[str, int], float], socket.socket] = (
        socket.create_connection
    )
    tls: ssl.SSLContext = field(default_factory=ssl.create_default_context)


def fetch_picture(url: str, rules: FetchRules) -> bytes:
    """The body at a public http(s) address, after at most three redirects.

    Raises:
        ForbiddenUrl: The address, or one it redirects to, is not one we call.
        FetchFailed: No answer in time, or one that is not 200.
        ImageTooLarge: More bytes than the rules allow.
    """
    deadline = Deadline.after(rules.timeout_seconds)
    for _ in range(MAX_REDIRECTS + 1):
        parts = _check_url(url.strip())
        with _open_response(parts, rules, deadline) as response:
            if response.status not in _REDIRECTS:
                return _read_body(response, rules.max_bytes, deadline)
            url = urljoin(url, response.headers.get("Location", ""))
    raise FetchFailed(f"expected at most {MAX_REDIRECTS} redirects, received more")


def _check_url(url: str) -> SplitResult:
    """The parts of an address whose form is one we call."""
    if len(url) > MAX_URL_CHARACTERS:
        raise ForbiddenUrl(
            f"expected at most {MAX_URL_CHARACTERS} characters, received {len(url)}"
        )
    if not url.isprintable() or not {" ", "\\"}.isdisjoint(url):
        raise ForbiddenUrl("expected an address without blanks and backslashes")
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError as error:
        raise ForbiddenUrl("expected an address of the form http(s)://...") from error
    if parts.scheme not in _PORTS or not host:
        raise ForbiddenUrl("expected an address of the form http(s)://host/...")
    if parts.username is not None or parts.password is not None:
        raise ForbiddenUrl("expected an address without user name and password")
    if port not in (None, *_PORTS.values()):
        raise ForbiddenUrl(f"expected port 80 or 443, received {port}")
    return parts


@contextmanager
def _open_response(
    parts: SplitResult, rules: FetchRules, deadline: Deadline
) -> Iterator[http.client.HTTPResponse]:
    """One GET to a checked address; everything is closed when the block ends."""
    host = _ascii_host(str(parts.hostname))
    port = parts.port or _PORTS[parts.scheme]
    connection = http.client.HTTPConnection(host, port)
    try:
        addresses = _public_addresses(host, port, rules, deadline)
        connection.sock = _connect(addresses, port, rules, deadline)
        if parts.scheme == "https":
            connection.sock = rules.tls.wrap_socket(
                connection.sock, server_hostname=host
            )
        with _cut_off(connection.sock, deadline):
            headers = {"Host": _host_header(parts, host), **_HEADERS}
            connection.request("GET", _request_target(parts), headers=headers)
            with connection.getresponse() as response:
                yield response
    except (OSError, http.client.HTTPException) as error:
        raise _failed(host, deadline) from error
    finally:
        connection.close()


def _ascii_host(host: str) -> str:
    """The name as DNS knows it; a number that is no plain address is refused.

    System resolvers read 2130706433, 0x7f.1 and 0177.0.0.1 as 127.0.0.1.
    """
    try:
        name = host if host.isascii() else host.encode("idna").decode("ascii")
    except UnicodeError as error:
        raise ForbiddenUrl("expected a host name that DNS can hold") from error
    last_label = name.rstrip(".").rpartition(".")[2].lower()
    if last_label.isdigit() or last_label.startswith("0x"):
        try:
            ip_address(name)
        except ValueError as error:
            raise ForbiddenUrl("expected a host name or a plain address") from error
    return name


def _public_addresses(
    host: str, port: int, rules: FetchRules, deadline: Deadline
) -> tuple[str, ...]:
    """All addresses of a host, once every one of them is public."""
    resolver = ThreadPoolExecutor(max_workers=1)
    try:
        lookup = resolver.submit(rules.resolve, host, port)
        addresses = lookup.result(deadline.remaining_seconds())
    except (OSError, UnicodeError) as error:
        raise _failed(host, deadline) from error
    finally:
        resolver.shutdown(wait=False)
    if not addresses or not all(is_public(address) for address in addresses):
        raise ForbiddenUrl(f"expected a public address, {host} is not one")
    return addresses


def _connect(
    addresses: tuple[str, ...], port: int, rules: FetchRules, deadline: Deadline
) -> socket.socket:
    """The first of the checked addresses that answers: IPv6 may lead nowhere here."""
    *others, last = addresses
    for address in others:
        with suppress(OSError):
            share = deadline.remaining_seconds() / len(addresses)
            return rules.connect((address, port), share)
    return rules.connect((last, port), deadline.remaining_seconds())


@contextmanager
def _cut_off(connected: socket.socket, deadline: Deadline) -> Iterator[None]:
    """End a connection at the deadline, however slowly its bytes still drip."""

    def cut() -> None:
        with suppress(OSError):
            connected.shutdown(socket.SHUT_RDWR)

    timer = threading.Timer(deadline.remaining_seconds(), cut)
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


def _host_header(parts: SplitResult, host: str) -> str:
    bracketed = f"[{host}]" if ":" in host else host
    is_default = parts.port in (None, _PORTS[parts.scheme])
    return bracketed if is_default else f"{bracketed}:{parts.port}"


def _request_target(parts: SplitResult) -> str:
    """Path and query; what is not ASCII is escaped, what is escaped stays."""
    path = quote(parts.path or "/", safe="/%:@!$&'()*+,;=~")
    query = quote(parts.query, safe="/%:@!$&'()*+,;=~?[]")
    return f"{path}?{query}" if query else path


def _read_body(
    response: http.client.HTTPResponse, max_bytes: int, deadline: Deadline
) -> bytes:
    if response.status != HTTPStatus.OK:
        raise FetchFailed(f"expected status 200, received {response.status}")
    if response.headers.get("Content-Encoding", "identity") != "identity":
        raise FetchFailed("expected a picture that is not compressed once more")
    expected = response.length
    body = bytearray()
    while chunk := response.read1(_CHUNK_BYTES):
        body += chunk
        if len(body) > max_bytes:
            raise ImageTooLarge(f"expected at most {max_bytes} bytes, received more")
    if deadline.remaining_seconds() == 0 or len(body) < (expected or 0):
        raise FetchFailed("expected the whole picture in time, received a part")
    return bytes(body)


def _failed(host: str, deadline: Deadline) -> FetchFailed:
    """Says nothing of what was met on the way: that is for our log only."""
    reason = "answer in time" if deadline.remaining_seconds() == 0 else "give a picture"
    return FetchFailed(f"{host} did not {reason}")
