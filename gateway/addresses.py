"""Which network addresses are public; refuses everything that may lead inward."""

from __future__ import annotations

from ipaddress import (
    IPv4Address,
    IPv4Network,
    IPv6Address,
    IPv6Network,
    ip_address,
)

# Source: RFC 6052 and RFC 4291; the last 32 bits hold the IPv4 address that is meant.
_NAT64 = IPv6Network("64:ff9b::/96")
_GLOBAL_UNICAST = IPv6Network("2000::/3")
# Source: RFC 7526; relays of a retired tunnel, public by the registry alone.
_RETIRED_RELAYS = IPv4Network("192.88.99.0/24")


def is_public(text: str) -> bool:
    """True if a numeric address, and any IPv4 address wrapped in it, is public."""
    try:
        address = ip_address(text)
    except ValueError:
        return False
    if isinstance(address, IPv4Address):
        return _is_public_v4(address)
    return _is_public_v6(address)


def _is_public_v4(address: IPv4Address) -> bool:
    """Multicast counts as global in the registry, shared space as not private."""
    return (
        address.is_global
        and not address.is_multicast
        and not address.is_reserved
        and address not in _RETIRED_RELAYS
    )


def _is_public_v6(address: IPv6Address) -> bool:
    """NAT64 is how an IPv6-only cluster reaches IPv4; tunnels of old are refused."""
    if address.scope_id is not None:
        return False
    if address in _NAT64:
        return _is_public_v4(IPv4Address(int(address) & 0xFFFFFFFF))
    if address.ipv4_mapped is not None:
        return _is_public_v4(address.ipv4_mapped)
    if address.sixtofour is not None or address.teredo is not None:
        return False
    return address in _GLOBAL_UNICAST and address.is_global
