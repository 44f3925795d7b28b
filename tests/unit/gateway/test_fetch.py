"""Fetches that end before an answer; what leads inward is tests/integration's."""

from __future__ import annotations

import pytest

from gateway.errors import FetchFailed, ForbiddenUrl, GatewayBusy
from gateway.fetch import PictureFetch, fetch_picture
from gateway.outbound import FetchRules
from gateway.reach import Reach

ADDRESSES = ("2606:4700::1", "93.184.216.34")


def make_rules(connect, **changes):
    """Rules under which every name has two addresses."""
    return FetchRules(
        **{
            "max_bytes": 1000,
            "timeout_seconds": 5.0,
            "resolve": lambda _host, _port: ADDRESSES,
            "connect": connect,
            **changes,
        }
    )


def refuse(_address, _timeout):
    """A host that is there and wants nothing of us."""
    raise ConnectionRefusedError


def test_no_connection():
    """A server that refuses the connection is a failed fetch, and all were tried."""
    tried = []

    def connect(address, timeout):
        tried.append(address)
        return refuse(address, timeout)

    with pytest.raises(FetchFailed, match="public.example did not give a picture"):
        fetch_picture("https://public.example/", make_rules(connect))

    assert tried == [(address, 443) for address in ADDRESSES]


def test_time_of_an_address():
    """An address that never answers has its share of the time, the last one more."""
    given = []

    def connect(_address, timeout):
        given.append(timeout)
        raise TimeoutError

    with pytest.raises(FetchFailed):
        fetch_picture("http://a.example/", make_rules(connect, timeout_seconds=60.0))

    assert len(given) == 2
    assert given[0] <= 30 < given[1]


def test_broken_resolver():
    """A name server in trouble is a failed fetch: the name may well be public."""

    def resolve(_host, _port):
        raise OSError("Temporary failure in name resolution")

    with pytest.raises(FetchFailed, match="did not give a picture"):
        fetch_picture("http://public.example/", make_rules(refuse, resolve=resolve))


def test_off():
    """Where fetching is off, no address is even read."""
    rules = make_rules(refuse, reach=Reach.from_text("off"))

    with pytest.raises(ForbiddenUrl, match="fetches no pictures"):
        fetch_picture("\0", rules)


def test_slots():
    """A fetch beyond the slots is told so, and a slot comes back."""

    def connect(_address, _timeout):
        # The slot is taken by the fetch that called here.
        with pytest.raises(GatewayBusy, match="busy"):
            fetch("http://public.example/")
        raise ConnectionRefusedError

    fetch = PictureFetch(make_rules(connect, timeout_seconds=0.2), slots=1)

    for _ in range(2):
        with pytest.raises(FetchFailed):
            fetch("http://public.example/")
