"""Nothing leads a fetch inward: each attack alone, and as the end of a redirect.

Both doors to the network keep a record. A connection that is allowed goes to a public
site played on a pair of sockets; any other one would reach a listening trap.
"""

from __future__ import annotations

import select
import socket
import ssl
import threading

import pytest

from gateway.errors import FetchFailed, ForbiddenUrl
from gateway.fetch import fetch_picture
from gateway.outbound import FetchRules
from gateway.reach import Reach
from tests.integration.fetch_attacks import (
    ADDRESSES,
    ANSWERS,
    ATTACKS,
    FORMS,
    INNER_NAMES,
    PUBLIC,
    PUBLIC6,
)

ASKED_NOTHING = {**FORMS, **ADDRESSES, **INNER_NAMES}
# As a redirect these lead back to the public site: a line break ends the header, and
# what has no host is relative to where it stands.
LEAD_BACK = {"line break", "line break alone", "line break in host", "empty", "no host"}
# Reading all the certificates of a machine takes 20 ms.
TLS = ssl.create_default_context()
OUTWARD = {PUBLIC, PUBLIC6, "93.184.216.35"}


class Doors:
    """Both doors to the network; names as an attacker's name server tells them."""

    def __init__(self, trap):
        self.trap = trap
        self.answers = {name: [answer] for name, answer in ANSWERS.items()}
        self.asked = []
        self.called = []
        self.replies = []
        self.sites = []

    def resolve(self, host, _port):
        """The next answer for a name, the last one for ever."""
        self.asked.append(host)
        left = self.answers.get(host.removesuffix("."), [()])
        # A cluster's search list makes an inner name of one without its dot.
        if host == "redis.default":
            return ("10.96.0.9",)
        return left.pop(0) if len(left) > 1 else left[0]

    def connect(self, address, timeout):
        """The public site for public addresses, the trap for all others."""
        self.called.append(address)
        if address[0] not in OUTWARD:
            return socket.create_connection(self.trap.getsockname(), timeout)
        ours, theirs = socket.socketpair()
        theirs.sendall(self.replies.pop(0))
        self.sites.append(theirs)
        return ours

    def rules(self, text="public", **changes):
        """Rules with these doors."""
        return FetchRules(
            **{
                "max_bytes": 1000,
                "timeout_seconds": 10.0,
                "reach": Reach.from_text(text),
                "resolve": self.resolve,
                "connect": self.connect,
                "tls": TLS,
                **changes,
            }
        )

    def trapped(self):
        """Whether anybody has knocked at the trap."""
        return bool(select.select([self.trap], [], [], 0)[0])


@pytest.fixture(name="trap")
def _trap():
    with socket.create_server(("127.0.0.1", 0)) as trap:
        yield trap


@pytest.fixture(name="doors")
def _doors(trap):
    doors = Doors(trap)
    yield doors
    for site in doors.sites:
        site.close()


def redirect_to(location):
    """A public site's answer that leads on."""
    return b"HTTP/1.1 302 Found\r\nLocation: " + location.encode() + b"\r\n\r\n"


def test_count():
    """The table holds what was promised."""
    assert len(ATTACKS) >= 60


@pytest.mark.parametrize("attack", ATTACKS)
def test_direct(doors, attack):
    """An address that leads inward is refused, and nobody was called."""
    with pytest.raises(ForbiddenUrl, match="expected"):
        fetch_picture(ATTACKS[attack], doors.rules())

    assert not doors.called and not doors.trapped()
    assert not (doors.asked and attack in ASKED_NOTHING)


@pytest.mark.parametrize("attack", [name for name in ATTACKS if name not in LEAD_BACK])
def test_redirect(doors, attack):
    """A redirect there is refused as well, after the public site alone was called."""
    doors.replies = [redirect_to(ATTACKS[attack])]

    with pytest.raises(ForbiddenUrl, match="expected"):
        fetch_picture("http://public.example/", doors.rules())

    assert doors.called == [(PUBLIC, 80)] and not doors.trapped()
    assert doors.asked[0] == "public.example."
    assert len(doors.asked) == 1 or attack not in ASKED_NOTHING


def test_rebinding(doors):
    """A name asked twice that turns inward: the first answer is the one called."""
    doors.answers["public.example"] = [(PUBLIC,), ("127.0.0.1",)]
    doors.replies = [b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nx"]

    body = fetch_picture("http://public.example/", doors.rules())

    assert (body, doors.called) == (b"x", [(PUBLIC, 80)])
    assert doors.asked == ["public.example."]


def test_rebinding_by_redirect(doors):
    """A name that turns inward before the second hop is refused there."""
    doors.answers["public.example"] = [(PUBLIC,), ("127.0.0.1",)]
    doors.replies = [redirect_to("/again")]

    with pytest.raises(ForbiddenUrl):
        fetch_picture("http://public.example/", doors.rules())

    assert doors.called == [(PUBLIC, 80)] and not doors.trapped()


def test_proxy_of_the_environment(doors, monkeypatch):
    """A proxy that the environment names is not called."""
    host, port = doors.trap.getsockname()
    for name in ("http_proxy", "https_proxy", "all_proxy", "HTTP_PROXY"):
        monkeypatch.setenv(name, f"http://{host}:{port}")
    doors.replies = [b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nx"]

    fetch_picture("http://public.example/", doors.rules())

    assert doors.called == [(PUBLIC, 80)] and not doors.trapped()


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "[::ffff:127.0.0.1]"])
def test_real_doors(doors, host):
    """With the system's own resolver and sockets, a listed name stays outward."""
    port = doors.trap.getsockname()[1]
    reach = Reach.from_text(f"localhost:{port},public.example:{port}")
    rules = FetchRules(max_bytes=1000, timeout_seconds=10.0, reach=reach)

    with pytest.raises(ForbiddenUrl):
        fetch_picture(f"http://{host}:{port}/", rules)

    assert not doors.trapped()


def test_inner_names_are_not_told_apart(doors):
    """A name that leads inward and one that is unknown get the same sentence."""
    sentences = set()
    for host in ("inward.example", "silent.example", "nowhere.example"):
        with pytest.raises(ForbiddenUrl) as caught:
            fetch_picture(f"http://{host}/", doors.rules())
        sentences.add(str(caught.value).replace(host, "HOST"))

    assert len(sentences) == 1
    assert "10.0.0.7" not in sentences.pop()


def test_slow_resolver(doors):
    """A name server that does not answer costs no more than the time allowed."""
    never = threading.Event()
    changes = {"resolve": lambda *_: never.wait(60) and (), "timeout_seconds": 0.05}

    with pytest.raises(FetchFailed, match="in time"):
        fetch_picture("http://public.example/", doors.rules(**changes))

    never.set()
