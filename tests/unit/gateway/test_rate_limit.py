"""How often one caller may ask, and who counts as one."""

from __future__ import annotations

import pytest

from gateway.app import create_app
from gateway.settings import Settings


@pytest.fixture(name="make_web")
def _make_web(client):
    """A function from settings to the web client of a gateway with three a minute."""

    def make(**settings):
        settings = {"rate_limit": "3/minute", "models": ("tiny",), **settings}
        return create_app(Settings(**settings), client).test_client()

    return make


def statuses(web, count, address="192.0.2.1", path="/models", **headers):
    """The statuses of some requests from one address."""
    environ = {"REMOTE_ADDR": address}
    return [
        web.get(path, environ_base=environ, headers=headers).status_code
        for _ in range(count)
    ]


def test_limit(make_web):
    """Three pass, the fourth is told when to come again."""
    web = make_web()

    passed = statuses(web, 3)
    reply = web.get("/models", environ_base={"REMOTE_ADDR": "192.0.2.1"})

    assert passed == [200] * 3
    assert (reply.status_code, reply.json["code"]) == (429, "too_many_requests")
    assert reply.mimetype == "application/problem+json"
    assert reply.json["detail"] == "expected at most 3 per 1 minute, received more"
    assert 1 <= int(reply.headers["Retry-After"]) <= 120
    assert reply.json["request_id"] == reply.headers["X-Request-ID"]


def test_one_count_for_all_routes(make_web):
    """A caller cannot ask each route so often."""
    web = make_web()

    seen = [
        web.open(path, method=method).status_code
        for method, path in [("GET", "/"), ("GET", "/models"), ("POST", "/predict")]
    ]

    assert seen == [200, 200, 400]
    assert web.post("/predict").status_code == 429
    assert web.get("/").status_code == 429


@pytest.mark.parametrize("path", ["/livez", "/readyz", "/metrics"])
def test_probes_are_free(make_web, path):
    """A probe is never refused, and costs nothing of the rate."""
    web = make_web()

    assert statuses(web, 10, path=path) == [200] * 10
    assert statuses(web, 3) == [200] * 3


@pytest.mark.parametrize(
    "first, second, is_same",
    [
        ("192.0.2.1", "192.0.2.2", False),
        ("192.0.2.1", "::ffff:192.0.2.1", True),
        ("2001:db8::1", "2001:db8::ffff:2", True),
        ("2001:db8::1", "2001:db8:0:1::1", False),
        ("unknown", "192.0.2.1", False),
    ],
)
def test_addresses(make_web, first, second, is_same):
    """One IPv4 address is one caller, and so is one IPv6 customer's network."""
    web = make_web()

    statuses(web, 3, first)

    assert statuses(web, 1, second) == [429 if is_same else 200]


def test_names_count(make_web, tmp_path):
    """With keys the owner counts, from wherever it asks; a stranger counts for none."""
    keys = tmp_path / "keys"
    keys.write_text("anna a-long-key-of-anna\nbob another-key-of-bob\n", "utf-8")
    web = make_web(api_keys_file=str(keys))

    strangers = statuses(web, 5)
    anna = {"X-API-Key": "a-long-key-of-anna"}
    hers = statuses(web, 2, "192.0.2.1", **anna) + statuses(web, 2, "192.0.2.2", **anna)
    his = statuses(web, 1, "192.0.2.1", **{"X-API-Key": "another-key-of-bob"})

    assert strangers == [401] * 5
    assert (hers, his) == ([200, 200, 200, 429], [200])


@pytest.mark.parametrize(
    "proxies, forwarded, is_same",
    [
        (0, ("203.0.113.1", "203.0.113.2"), True),
        (1, ("203.0.113.1", "203.0.113.2"), False),
        # What a caller writes itself stands left of what our own proxy has seen.
        (1, ("198.51.100.1, 203.0.113.1", "198.51.100.2, 203.0.113.1"), True),
        (2, ("203.0.113.1, 10.0.0.1", "203.0.113.2, 10.0.0.1"), False),
        (1, ("not an address", "203.0.113.1"), False),
    ],
)
def test_proxies(make_web, proxies, forwarded, is_same):
    """X-Forwarded-For counts only as far as the proxies that were told of."""
    web = make_web(trusted_proxies=proxies)

    statuses(web, 3, "10.0.0.9", **{"X-Forwarded-For": forwarded[0]})
    after = statuses(web, 1, "10.0.0.9", **{"X-Forwarded-For": forwarded[1]})

    assert after == [429 if is_same else 200]


def test_off(make_web):
    """Nobody is counted unless it was asked for."""
    web = make_web(rate_limit="off")

    assert statuses(web, 50) == [200] * 50
