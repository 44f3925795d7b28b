"""The form of an address: what one request asks for, and where a redirect leads."""

from __future__ import annotations

import pytest

from gateway.errors import FetchFailed, ForbiddenUrl
from gateway.picture_url import MAX_URL_CHARACTERS, read_picture_url


@pytest.mark.parametrize(
    "text, host_header, target",
    [
        ("http://a.example", "a.example", "/"),
        (" HTTPS://A.Example/B.jpg ", "a.example", "/B.jpg"),
        ("http://a.example./b", "a.example", "/b"),
        ("http://a.example:80/b", "a.example", "/b"),
        ("http://a.example:/b", "a.example", "/b"),
        ("https://a.example:80/b", "a.example:80", "/b"),
        ("http://a.example/b#part", "a.example", "/b"),
        ("http://a.example/b?c=d%20e&f=[1]", "a.example", "/b?c=d%20e&f=[1]"),
        ("http://a.example/café", "a.example", "/caf%C3%A9"),
        ("http://a.example?b", "a.example", "/?b"),
        ("http://a.example/@b", "a.example", "/@b"),
        ("http://café.example/", "xn--caf-dma.example", "/"),
        ("http://8.8.8.8/", "8.8.8.8", "/"),
        ("http://[2606:4700:0:0::1111]/", "[2606:4700::1111]", "/"),
    ],
)
def test_request(text, host_header, target):
    """The host is told in its one plain form; path and query keep their meaning."""
    url = read_picture_url(text)

    assert (url.host_header, url.target) == (host_header, target)


@pytest.mark.parametrize("text", ["", "photo.jpg", "//a.example/b", "/b", "a.example"])
def test_no_address(text):
    """What is no whole http(s) address is refused."""
    with pytest.raises(ForbiddenUrl, match="expected an address"):
        read_picture_url(text)


def test_length():
    """The longest address is read, one character more is refused."""
    longest = "http://a.example/".ljust(MAX_URL_CHARACTERS, "b")

    assert read_picture_url(longest).target.endswith("b")
    with pytest.raises(ForbiddenUrl, match="received 2049"):
        read_picture_url(longest + "b")


@pytest.mark.parametrize(
    "location, host, target",
    [
        ("/c", "a.example", "/c"),
        ("c?d", "a.example", "/x/c?d"),
        ("//b.example/c", "b.example", "/c"),
        ("https://b.example", "b.example", "/"),
        ("/caf\u00c3\u00a9", "a.example", "/caf%C3%A9"),
    ],
)
def test_redirect(location, host, target):
    """A redirect is relative to the address before it; its UTF-8 is read as such."""
    url = read_picture_url("http://a.example/x/y").follow(location)

    assert (url.host, url.target) == (host, target)


@pytest.mark.parametrize(
    "location, error",
    [
        (None, FetchFailed),
        ("", FetchFailed),
        ("file:///etc/passwd", ForbiddenUrl),
        ("http://[::1/", ForbiddenUrl),
        ("/caf\u00e9", ForbiddenUrl),
        ("/" + "b" * MAX_URL_CHARACTERS, ForbiddenUrl),
    ],
)
def test_bad_redirect(location, error):
    """A redirect to nothing is a failed fetch, one to another form is refused."""
    with pytest.raises(error, match="expected"):
        read_picture_url("http://a.example/").follow(location)
