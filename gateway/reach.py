"""How far a fetch may reach: which names, ports and addresses; the url_fetch setting.

Knows the rules, not the network: nothing is resolved or called here.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from ipaddress import ip_address, ip_network

from gateway.addresses import Network, is_callable, is_public, read_address

OFF = "off"
PUBLIC = "public"
WEB_PORTS = frozenset({80, 443})
_LABEL = r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?"
_NAME = re.compile(rf"(?=.{{1,253}}\Z){_LABEL}(?:\.{_LABEL})*", re.ASCII)
# Source: RFC 6761, 6762, 7686, 8375 and ICANN's reservation of .internal. Nobody's
# public pictures are there, and the question itself would go to an inner name server.
_INNER_NAMES = ("localhost", "local", "internal", "onion", "home.arpa")


@dataclass(frozen=True)
class Place:
    """One allowed host: a name, or all names below it, at one port or the web's two."""

    name: str
    with_subdomains: bool = False
    port: int | None = None

    def holds(self, host: str, port: int) -> bool:
        """True if a host and port are what the place allows."""
        is_host = (
            host.endswith(f".{self.name}")
            if self.with_subdomains
            else host == self.name
        )
        ports = WEB_PORTS if self.port is None else {self.port}
        return is_host and port in ports


@dataclass(frozen=True)
class Reach:
    """What may be called: everything public, or places and networks of a list."""

    is_public: bool = True
    places: tuple[Place, ...] = ()
    networks: tuple[Network, ...] = ()

    @classmethod
    def from_text(cls, text: str) -> Reach:
        """Read `off`, `public` or a comma list.

        A list has names (photos.example.org, *.example.org, minio:9000), plain
        addresses (10.0.0.7, 10.0.0.7:9000, [fd00::7]) and networks (10.0.0.0/8).

        Raises:
            ValueError: An item is none of these.
        """
        items = [item.strip().lower() for item in text.split(",")]
        if items in ([OFF], [PUBLIC]):
            return cls(is_public=items == [PUBLIC])
        networks = [_read_network(item) for item in items if "/" in item]
        places = [_read_place(item) for item in items if "/" not in item]
        return cls(False, tuple(places), tuple(networks))

    @property
    def is_off(self) -> bool:
        """True if nothing may be fetched at all."""
        return not (self.is_public or self.places or self.networks)

    def allows_host(self, host: str, port: int) -> bool:
        """True if a name or plain address may be asked for, as far as it tells."""
        if any(place.holds(host, port) for place in self.places):
            return True
        if port not in WEB_PORTS:
            return False
        if read_address(host) is None:
            return self.is_public and "." in host and not _is_inner_name(host)
        return self.allows_address(host) if self.is_public else self._lists(host)

    def allows_address(self, text: str) -> bool:
        """True if an address, or the IPv4 one it wraps, may be connected to.

        A public address is no danger to a listed name; an inward one must be listed
        itself, or whoever answers for the name could lead us anywhere.
        """
        address = read_address(text)
        if address is None or not is_callable(address):
            return False
        is_own = any(read_address(place.name) == address for place in self.places)
        return is_own or self._lists(text) or is_public(address)

    def _lists(self, text: str) -> bool:
        address = read_address(text)
        return any(address in network for network in self.networks)


def is_host_name(text: str) -> bool:
    """True for a name of ASCII letters, digits and hyphens that DNS can hold.

    A name that ends in a number is none: system resolvers read 2130706433, 0x7f.1 and
    0177.0.0.1 as 127.0.0.1.
    """
    last_label = text.rpartition(".")[2]
    is_number = last_label.isdigit() or last_label.startswith("0x")
    return _NAME.fullmatch(text) is not None and not is_number


def _is_inner_name(host: str) -> bool:
    return any(host == name or host.endswith(f".{name}") for name in _INNER_NAMES)


def _read_network(item: str) -> Network:
    try:
        return ip_network(item)
    except ValueError as error:
        raise ValueError(f"expected a network like 10.0.0.0/8 as {item!r}") from error


def _read_place(item: str) -> Place:
    host, port = _split_port(item)
    with_subdomains = host.startswith("*.")
    name = host.removeprefix("*.")
    if name in (OFF, PUBLIC):
        raise ValueError(f"expected {name!r} alone, or a list without it")
    if read_address(name) is not None and not with_subdomains:
        return Place(str(ip_address(name)), False, port)
    if not is_host_name(name):
        raise ValueError(f"expected a host, *.host, address or network as {item!r}")
    return Place(name, with_subdomains, port)


def _split_port(item: str) -> tuple[str, int | None]:
    """Host and port of host, host:port, [address]:port or a bare IPv6 address."""
    if read_address(item) is not None:
        return item, None
    match = re.fullmatch(r"(\[[0-9a-f:.]+\]|[^:\[\]]+)(?::([0-9]{1,5}))?", item)
    if match is None or not 1 <= int(match[2] or 1) <= 65535:
        raise ValueError(f"expected host or host:port as {item!r}")
    return match[1].strip("[]"), int(match[2]) if match[2] else None
