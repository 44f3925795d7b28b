"""Which numeric addresses a fetch may connect to."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.addresses import is_callable, is_public, read_address


@pytest.mark.parametrize(
    "address",
    [
        "8.8.8.8",
        "93.184.216.34",
        "100.63.255.255",
        "100.128.0.1",
        "172.32.0.1",
        "2606:4700:4700::1111",
        "::ffff:8.8.8.8",
        "64:ff9b::8.8.8.8",
    ],
)
def test_public(address):
    """Addresses of the open internet may be called, also through NAT64."""
    assert is_public(read_address(address))


@pytest.mark.parametrize(
    "address",
    [
        "0.0.0.0",
        "0.1.2.3",
        "10.0.0.1",
        "100.64.0.1",
        "100.127.255.254",
        "127.0.0.1",
        "127.255.255.254",
        "169.254.169.254",
        "172.16.0.1",
        "172.31.255.254",
        "168.63.129.16",
        "192.0.0.1",
        "192.0.0.192",
        "192.0.2.1",
        "192.88.99.1",
        "192.168.1.1",
        "198.18.0.1",
        "198.51.100.1",
        "203.0.113.1",
        "224.0.0.1",
        "239.255.255.250",
        "240.0.0.1",
        "255.255.255.255",
        "::",
        "::1",
        "::127.0.0.1",
        "::ffff:127.0.0.1",
        "::ffff:169.254.169.254",
        "::ffff:10.0.0.1",
        "64:ff9b::10.0.0.1",
        "64:ff9b::127.0.0.1",
        "64:ff9b:1::8.8.8.8",
        "2001:db8::1",
        "2001::7f00:1",
        "2002:7f00:1::",
        "2002:808:808::",
        "100::1",
        "fc00::1",
        "fd00:ec2::254",
        "fe80::1",
        "fe80::1%eth0",
        "2606:4700:4700::1111%eth0",
        "fec0::1",
        "ff02::1",
        "5f00::1",
        "3fff::1",
        "2001:4:112::1",
        "2600::5efe:127.0.0.1",
        "2600::200:5efe:10.0.0.7",
    ],
)
def test_refused(address):
    """Everything that may lead inward, in any wrapping, is refused."""
    meant = read_address(address)

    assert meant is None or not is_public(meant)


@pytest.mark.parametrize(
    "text",
    ["", "localhost", "127.1", "0177.0.0.1", "2130706433", "1.2.3.4 ", "fe80::1%eth0"],
)
def test_no_address(text):
    """What is no plain address is none, whatever a resolver makes of it."""
    assert read_address(text) is None


@given(st.integers(0, 2**32 - 1).map(IPv4Address))
def test_stricter_than_python(address):
    """Nothing that Python calls inward is public here, alone or wrapped."""
    wrapped = read_address(f"::ffff:{address}")

    assert wrapped == address
    assert address.is_global and not address.is_multicast or not is_public(address)


@given(st.integers(0, 2**128 - 1).map(IPv6Address))
def test_stricter_than_python_in_ipv6(address):
    """The same for IPv6, where Python knows fewer wrappings."""
    assert address.is_global and not address.is_multicast or not is_public(address)


@pytest.mark.parametrize(
    "address",
    [
        "0.0.0.0",
        "169.254.169.254",
        "::ffff:169.254.169.254",
        "64:ff9b::a9fe:a9fe",
        "168.63.129.16",
        "100.100.100.200",
        "192.0.0.192",
        "fd00:ec2::254",
        "fd20:ce::254",
        "fe80::1",
        "224.0.0.1",
        "ff02::1",
        "255.255.255.255",
        "::",
    ],
)
def test_never(address):
    """Metadata services and addresses of nobody are called by no one's leave."""
    assert not is_callable(read_address(address))


@pytest.mark.parametrize("address", ["10.0.0.7", "127.0.0.1", "fd00::7", "8.8.8.8"])
def test_callable(address):
    """An inward address is one that an operator may allow."""
    assert is_callable(read_address(address))
