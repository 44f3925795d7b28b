"""The text of a picture's address becomes the parts of one request, or is refused.

Owns the form of an address; where it may lead is for reach.py to say.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from ipaddress import ip_address
from urllib.parse import quote, urljoin, urlsplit

from gateway.addresses import read_address
from gateway.errors import FetchFailed, ForbiddenUrl
from gateway.reach import is_host_name

MAX_URL_CHARACTERS = 2048
_PORTS = {"http": 80, "https": 443}
_FORM = "expected an address of the form http(s)://host/..."
# Host or bracketed IPv6, then a port; urlsplit alone takes a[::1] for ::1.
_AUTHORITY = re.compile(r"(?:\[[0-9A-Fa-f:.]+\]|[^\[\]:]+)(?::[0-9]*)?")


@dataclass(frozen=True)
class PictureUrl:
    """One address whose form is sound.

    Attributes:
        text: The address as it was given; what a redirect is relative to.
        host: Lower case ASCII without a dot at its end, or a plain numeric address.
        target: Path and query, escaped.
    """

    text: str
    scheme: str
    host: str
    port: int
    target: str

    @property
    def is_address(self) -> bool:
        """True if the host is a number and no name."""
        return read_address(self.host) is not None

    @property
    def host_header(self) -> str:
        """What the request says in its Host field."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == _PORTS[self.scheme] else f"{host}:{self.port}"

    def follow(self, location: str | None) -> PictureUrl:
        """The address a redirect leads to.

        Raises:
            ForbiddenUrl: As read_picture_url.
            FetchFailed: The redirect names no address.
        """
        if not location:
            raise FetchFailed("expected a redirect with an address, received none")
        try:
            # http.client reads headers as Latin-1; what is sent today is UTF-8.
            location = location.encode("latin-1").decode("utf-8")
        except UnicodeError as error:
            raise ForbiddenUrl("expected a redirect in readable text") from error
        try:
            return read_picture_url(urljoin(self.text, location))
        except ValueError as error:
            raise ForbiddenUrl(_FORM) from error


def read_picture_url(text: str) -> PictureUrl:
    """The parts of an address.

    Raises:
        ForbiddenUrl: Not an http(s) address of a host name or a plain numeric address.
    """
    text = text.strip()
    if len(text) > MAX_URL_CHARACTERS:
        raise ForbiddenUrl(
            f"expected at most {MAX_URL_CHARACTERS} characters, received {len(text)}"
        )
    if not text.isprintable() or not {" ", "\\"}.isdisjoint(text):
        raise ForbiddenUrl("expected an address without blanks and backslashes")
    try:
        parts = urlsplit(text)
        host, port = parts.hostname, parts.port
    except ValueError as error:
        raise ForbiddenUrl(_FORM) from error
    if parts.scheme not in _PORTS or not host:
        raise ForbiddenUrl(_FORM)
    if "@" in parts.netloc:
        raise ForbiddenUrl("expected an address without user name and password")
    if not _AUTHORITY.fullmatch(parts.netloc):
        raise ForbiddenUrl(_FORM)
    port = _PORTS[parts.scheme] if port is None else port
    target = _escape_target(parts.path, parts.query)
    return PictureUrl(text, parts.scheme, _read_host(host), port, target)


def _read_host(host: str) -> str:
    """The name as DNS knows it, or the address in its one shortest form."""
    try:
        name = host if host.isascii() else host.encode("idna").decode("ascii")
    except UnicodeError as error:
        raise ForbiddenUrl("expected a host name that DNS can hold") from error
    name = name.lower().removesuffix(".")
    if read_address(name) is not None:
        return str(ip_address(name))
    if not is_host_name(name):
        raise ForbiddenUrl("expected a host name or a plain address")
    return name


def _escape_target(path: str, query: str) -> str:
    """Path and query; what is not ASCII is escaped, what is escaped stays."""
    escaped = quote(path or "/", safe="/%:@!$&'()*+,;=~")
    if not query:
        return escaped
    return f"{escaped}?" + quote(query, safe="/%:@!$&'()*+,;=~?[]")
