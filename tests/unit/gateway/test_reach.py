"""What the setting url_fetch lets a fetch reach, and values it cannot have."""

from __future__ import annotations

import pytest

from gateway.reach import Reach, is_host_name

LIST = (
    "photos.example.org, *.cdn.example, minio:9000, 10.1.0.0/16, 10.9.9.9:8080, "
    "[fd00::7]:9000, FD00::8"
)


@pytest.mark.parametrize(
    "host, port",
    [("photos.example.org", 443), ("8.8.8.8", 80), ("2606:4700::1111", 443)],
)
def test_public(host, port):
    """By default any public host may be asked for, at the web's two ports."""
    assert Reach().allows_host(host, port)


@pytest.mark.parametrize(
    "host, port",
    [
        ("photos.example.org", 22),
        ("photos.example.org", 8080),
        ("localhost", 80),
        ("minio", 80),
        ("metadata.google.internal", 80),
        ("10.0.0.7", 80),
        ("::1", 80),
    ],
)
def test_not_public(host, port):
    """Other ports, inner names and inward addresses are not public."""
    assert not Reach().allows_host(host, port)


@pytest.mark.parametrize(
    "host, port",
    [
        ("photos.example.org", 80),
        ("photos.example.org", 443),
        ("a.cdn.example", 443),
        ("a.b.cdn.example", 80),
        ("minio", 9000),
        ("10.1.255.1", 80),
        ("10.9.9.9", 8080),
        ("fd00::7", 9000),
        ("fd00::8", 443),
    ],
)
def test_listed(host, port):
    """A list allows its names, all names below a star, networks and addresses."""
    assert Reach.from_text(LIST).allows_host(host, port)


@pytest.mark.parametrize(
    "host, port",
    [
        ("example.org", 80),
        ("a.photos.example.org", 80),
        ("photos.example.org.evil.example", 80),
        ("evilphotos.example.org", 80),
        ("photos.example.org", 8080),
        ("cdn.example", 80),
        ("evilcdn.example", 80),
        ("minio", 80),
        ("8.8.8.8", 80),
        ("10.2.0.1", 80),
        ("10.1.0.1", 9000),
        ("10.9.9.9", 80),
        ("fd00::7", 80),
        ("fd00::9", 80),
    ],
)
def test_not_listed(host, port):
    """What a list does not name is refused, public or not."""
    assert not Reach.from_text(LIST).allows_host(host, port)


@pytest.mark.parametrize(
    "address, is_allowed",
    [
        ("93.184.216.34", True),
        ("10.1.2.3", True),
        ("::ffff:10.1.2.3", True),
        ("10.9.9.9", True),
        ("10.2.0.1", False),
        ("127.0.0.1", False),
        ("fd00::7", True),
        ("fd00::9", False),
        ("fe80::1%eth0", False),
    ],
)
def test_addresses_of_listed_names(address, is_allowed):
    """A listed name may lead inward only to what is listed as an address as well."""
    assert Reach.from_text(LIST).allows_address(address) == is_allowed


@pytest.mark.parametrize("address", ["169.254.169.254", "100.100.100.200", "fe80::1"])
def test_metadata_in_a_listed_network(address):
    """Metadata services stay out of reach of a list of everything."""
    reach = Reach.from_text("0.0.0.0/0,::/0")

    assert reach.allows_address("10.0.0.7")
    assert not reach.allows_address(address)


def test_off():
    """Off is off, in any case of letters, and public is not."""
    assert Reach.from_text(" OFF ").is_off
    assert not Reach.from_text("public").is_off
    assert not Reach.from_text("10.0.0.0/8").is_off


@pytest.mark.parametrize(
    "text",
    [
        "",
        "a.example,",
        "public,a.example",
        "a.example,off",
        "*.public",
        "*",
        "*.*.example",
        "a.*.example",
        "*.10.0.0.1",
        "http://a.example",
        "a.example/photos",
        "a.example:0",
        "a.example:65536",
        "a.example:web",
        "user@a.example",
        "10.0.0.7/8",
        "10.0.0.0/33",
        "2130706433",
        "127.1",
        "café.example",
        "fe80::1%eth0",
        "a b",
    ],
)
def test_bad_list(text):
    """An item that would not do what it seems to say is named."""
    with pytest.raises(ValueError, match="expected"):
        Reach.from_text(text)


@pytest.mark.parametrize(
    "name, is_good",
    [
        ("a.example", True),
        ("xn--caf-dma.example", True),
        ("_dmarc.example", True),
        ("a" * 63 + ".example", True),
        ("a" * 64 + ".example", False),
        (".".join(["a" * 49] * 5) + ".abc", True),
        (".".join(["a" * 49] * 5) + ".abcd", False),
        ("-a.example", False),
        ("a..example", False),
        (".example", False),
        ("a.example.", False),
        ("a.1", False),
        ("a.0x1f", False),
        ("a\n", False),
    ],
)
def test_host_name(name, is_good):
    """Labels of 63 characters and names of 253 are the longest DNS holds."""
    assert is_host_name(name) == is_good
