"""Addresses that are refused before a byte leaves; connect fails the test if called."""

from __future__ import annotations

import socket
import threading

import pytest

from gateway.errors import FetchFailed, ForbiddenUrl
from gateway.fetch import FetchRules, fetch_picture

PUBLIC = "93.184.216.34"
# What a resolver says; the system's would read these odd numbers as addresses too.
NAMES = {
    "public.example": (PUBLIC,),
    "inward.example": ("10.0.0.7",),
    "mixed.example": (PUBLIC, "127.0.0.1"),
    "mixed6.example": ("2606:4700:4700::1111", "::1"),
    "mapped.example": ("::ffff:169.254.169.254",),
    "metadata.google.internal": ("169.254.169.254",),
    "kubernetes.default.svc": ("10.96.0.1",),
    "localhost": ("127.0.0.1", "::1"),
    "shared.example": ("100.64.0.9",),
    "silent.example": (),
}


def resolve(host, _port):
    """Names from the table, numeric addresses as they are."""
    if host in NAMES:
        return NAMES[host]
    for family in (socket.AF_INET, socket.AF_INET6):
        try:
            socket.inet_pton(family, host)
        except OSError:
            continue
        return (host,)
    raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")


def refuse_connection(address, _timeout):
    """No refused URL may come here."""
    raise AssertionError(f"connected to {address}")


def make_rules(**changes):
    """Rules whose doors to the network are the two functions above."""
    return FetchRules(
        **{
            "max_bytes": 1000,
            "timeout_seconds": 5.0,
            "resolve": resolve,
            "connect": refuse_connection,
            **changes,
        }
    )


@pytest.mark.parametrize(
    "url",
    [
        "",
        "picture.jpg",
        "//public.example/a.jpg",
        "http://",
        "http:///a.jpg",
        "ftp://public.example/a.jpg",
        "file:///etc/passwd",
        "gopher://public.example/",
        "data:image/png;base64,AAAA",
        "javascript:alert(1)",
        "http://user@public.example/",
        "http://user:secret@public.example/",
        "http://public.example@inward.example/",
        "http://@public.example/",
        "http://public.example:22/",
        "http://public.example:8500/",
        "http://public.example:0/",
        "http://public.example:99999/",
        "http://public.example:x/",
        "http://public.example\\@inward.example/",
        "http://public.example/a b.jpg",
        "http://public.example/a\r\nHost: inward.example",
        "http://public.example/\x00",
        "http://[::1/",
        "http://[public.example]/",
        "http://public.example/" + "a" * 3000,
        "http://inward.example/",
        "https://inward.example/",
        "http://mixed.example/",
        "http://mixed6.example/",
        "http://mapped.example/",
        "http://metadata.google.internal/computeMetadata/v1/",
        "http://kubernetes.default.svc/",
        "http://localhost/",
        "http://LOCALHOST/",
        "http://shared.example/",
        "http://silent.example/",
        "http://127.0.0.1/",
        "http://169.254.169.254/latest/meta-data/",
        "http://[::1]/",
        "http://[::ffff:127.0.0.1]/",
        "http://[64:ff9b::7f00:1]/",
        "http://2130706433/",
        "http://0x7f000001/",
        "http://0x7f.0.0.1/",
        "http://0177.0.0.1/",
        "http://127.1/",
        "http://127.0.0.1./",
        "http://１２７.０.０.１/",
        "http://127。0。0。1/",
        "http://" + "é" * 70 + ".example/",
    ],
)
def test_refused(url):
    """An address that is not a plain public one is refused without a connection."""
    with pytest.raises(ForbiddenUrl, match="expected"):
        fetch_picture(url, make_rules())


def test_refusal_is_silent():
    """The answer does not tell what an inner name resolves to."""
    with pytest.raises(ForbiddenUrl) as caught:
        fetch_picture("http://inward.example/", make_rules())

    assert "10.0.0.7" not in str(caught.value)


def test_unknown_name():
    """A name that does not resolve is a failed fetch, not a bug."""
    with pytest.raises(FetchFailed, match="nowhere.example"):
        fetch_picture("http://nowhere.example/", make_rules())


def test_no_connection():
    """A server that refuses the connection is a failed fetch, and all were tried."""
    tried = []

    def connect(address, _timeout):
        tried.append(address)
        raise ConnectionRefusedError

    rules = make_rules(resolve=lambda *_: ("2606:4700::1", PUBLIC), connect=connect)
    with pytest.raises(FetchFailed):
        fetch_picture("https://public.example/", rules)

    assert tried == [("2606:4700::1", 443), (PUBLIC, 443)]


def test_slow_resolver():
    """A name server that does not answer costs no more than the time allowed."""
    never = threading.Event()
    rules = make_rules(resolve=lambda *_: never.wait(60) and (), timeout_seconds=0.05)

    with pytest.raises(FetchFailed, match="in time"):
        fetch_picture("http://public.example/", rules)

    never.set()
