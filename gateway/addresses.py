"""Which network addresses are public, and which are never called, whatever is allowed.

Knows no names and no settings. The tables are ours, since Python's own differ from one
patch release to the next: 3.11.7 calls 192.0.0.192, a metadata service, public.
"""

from __future__ import annotations

from ipaddress import (
    IPv4Address,
    IPv4Network,
    IPv6Address,
    IPv6Network,
    ip_address,
)

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

# Source: RFC 6052; the last 32 bits hold the IPv4 address that is meant.
_NAT64 = IPv6Network("64:ff9b::/96")
_GLOBAL_UNICAST = IPv6Network("2000::/3")
# Source: RFC 5214; the interface part of an address that tunnels to an IPv4 host.
_ISATAP = 0x5EFE
_LOW_32_BITS = 0xFFFFFFFF

# Source: IANA special-purpose registries for IPv4 and IPv6, multicast included; also
# 168.63.129.16, through which Azure's machines reach their host.
_SPECIAL: tuple[Network, ...] = (
    IPv4Network("0.0.0.0/8"),
    IPv4Network("10.0.0.0/8"),
    IPv4Network("100.64.0.0/10"),
    IPv4Network("127.0.0.0/8"),
    IPv4Network("168.63.129.16/32"),
    IPv4Network("169.254.0.0/16"),
    IPv4Network("172.16.0.0/12"),
    IPv4Network("192.0.0.0/24"),
    IPv4Network("192.0.2.0/24"),
    IPv4Network("192.31.196.0/24"),
    IPv4Network("192.52.193.0/24"),
    IPv4Network("192.88.99.0/24"),
    IPv4Network("192.168.0.0/16"),
    IPv4Network("192.175.48.0/24"),
    IPv4Network("198.18.0.0/15"),
    IPv4Network("198.51.100.0/24"),
    IPv4Network("203.0.113.0/24"),
    IPv4Network("224.0.0.0/4"),
    IPv4Network("240.0.0.0/4"),
    IPv6Network("2001::/23"),
    IPv6Network("2001:db8::/32"),
    IPv6Network("2002::/16"),
    IPv6Network("2620:4f:8000::/48"),
    IPv6Network("3fff::/20"),
)
# Source: the cloud providers' manuals. Credentials lie behind these, so that even an
# operator who allows the network around them has not meant them.
_NEVER: tuple[Network, ...] = (
    IPv4Network("0.0.0.0/8"),
    IPv4Network("100.100.100.200/32"),
    IPv4Network("168.63.129.16/32"),
    IPv4Network("169.254.0.0/16"),
    IPv4Network("192.0.0.192/32"),
    IPv4Network("224.0.0.0/4"),
    IPv4Network("255.255.255.255/32"),
    IPv6Network("::/128"),
    IPv6Network("fd00:ec2::/32"),
    IPv6Network("fd20:ce::254/128"),
    IPv6Network("fe80::/10"),
    IPv6Network("ff00::/8"),
)


def read_address(text: str) -> Address | None:
    """The address that is meant: the IPv4 one where IPv6 only wraps it.

    NAT64 is how an IPv6-only cluster reaches IPv4. None for what is no plain numeric
    address, and for one that names an interface (fe80::1%eth0).
    """
    try:
        address = ip_address(text)
    except ValueError:
        return None
    if isinstance(address, IPv4Address):
        return address
    if address.scope_id is not None:
        return None
    if address in _NAT64:
        return IPv4Address(int(address) & _LOW_32_BITS)
    return address.ipv4_mapped or address


def is_public(address: Address) -> bool:
    """True for an address of the open internet."""
    if isinstance(address, IPv6Address):
        interface = int(address) >> 32 & _LOW_32_BITS
        # The bit that tells a worldwide interface from a local one may be set.
        if address not in _GLOBAL_UNICAST or interface & ~0x02000000 == _ISATAP:
            return False
    return not _is_in(address, _SPECIAL)


def is_callable(address: Address) -> bool:
    """True unless the address is no host's own, or belongs to a metadata service."""
    return not _is_in(address, _NEVER)


def _is_in(address: Address, networks: tuple[Network, ...]) -> bool:
    return any(address in network for network in networks)
