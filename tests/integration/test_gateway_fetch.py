"""Fetching over real sockets: redirects, slow and endless bodies, TLS names.

The rules resolve public-looking names; connect leads every connection to loopback and
remembers which address was meant.
"""

from __future__ import annotations

import socket
import ssl
import subprocess
import threading
import time

import pytest

from gateway.errors import FetchFailed, ForbiddenUrl, ImageTooLarge
from gateway.fetch import fetch_picture
from gateway.outbound import FetchRules
from tests.integration.picture_site import PICTURE, Site

PUBLIC = "93.184.216.34"
# What drips never ends; a deadline is noticed by then on the busiest machine.
NOTICED_SECONDS = 15


@pytest.fixture(name="site")
def _site():
    with Site() as site:
        thread = threading.Thread(target=site.serve_forever, args=(0.02,))
        thread.start()
        yield site
        site.closing.set()
        site.shutdown()
        thread.join()


def make_rules(site, **changes):
    """Rules that lead to the site, whatever address was checked."""
    inner, metadata = "10.0.0.7", "169.254.169.254"
    names = {"inward.example": (inner,), inner: (inner,), metadata: (metadata,)}
    meant = []

    def connect(address, timeout):
        meant.append(address)
        return socket.create_connection(site.server_address, timeout)

    rules = FetchRules(
        **{
            "max_bytes": 100_000,
            "timeout_seconds": 10.0,
            "resolve": lambda host, _port: names.get(host.removesuffix("."), (PUBLIC,)),
            "connect": connect,
            **changes,
        }
    )
    return rules, meant


@pytest.mark.parametrize(
    "path, body",
    [
        ("/picture", PICTURE),
        ("/once", PICTURE),
        ("/other-host", PICTURE),
        ("/café?a=b%20c", PICTURE),
        ("/chunked", b"abcde"),
        ("/typed", b"abcde"),
        ("/typed?IMAGE/JPEG;%20q=1", b"abcde"),
        ("/typed?application/octet-stream", b"abcde"),
        ("/typed?binary/octet-stream", b"abcde"),
    ],
)
def test_fetched(site, path, body):
    """A picture arrives whole, also after a redirect and from an odd path."""
    rules, meant = make_rules(site)

    assert fetch_picture(f"http://public.example{path}", rules) == body
    assert set(meant) == {(PUBLIC, 80)}
    assert site.hosts[0] == "public.example"
    assert site.hosts[-1] == (
        "other.example" if path == "/other-host" else "public.example"
    )


@pytest.mark.parametrize(
    "path", ["/inward", "/metadata", "/inward-name", "/file", "/port", "/user"]
)
def test_redirect_inward(site, path):
    """Every hop is checked: a redirect inward is refused without a connection."""
    rules, meant = make_rules(site)

    with pytest.raises(ForbiddenUrl):
        fetch_picture(f"http://public.example{path}", rules)

    assert meant == [(PUBLIC, 80)]


def test_rebinding(site):
    """A name that changes its answer is asked once per hop, and that one is used."""
    answers = iter([(PUBLIC,), ("127.0.0.1",)])
    rules, meant = make_rules(site, resolve=lambda *_: next(answers))

    fetch_picture("http://rebinding.example/picture", rules)
    with pytest.raises(ForbiddenUrl):
        fetch_picture("http://rebinding.example/picture", rules)

    assert meant == [(PUBLIC, 80)]


@pytest.mark.parametrize(
    "path, message",
    [
        ("/gone", "received 404"),
        ("/loop", "at most 3 redirects"),
        ("/nowhere", "redirect with an address"),
        ("/cut", "expected 500 bytes, received 100"),
        ("/zipped", "compressed"),
        ("/packed", "compressed"),
        ("/long_head", "did not give a picture"),
        ("/continues", "did not give a picture"),
        ("/crumbs", "did not give a picture"),
        ("/trailers", "did not give a picture"),
        ("/typed?text/html;%20charset=utf-8", "received text/html"),
        ("/typed?application/json", "received application/json"),
        ("/typed?application/zip", "received application/zip"),
        ("/noise", "did not give a picture"),
    ],
)
def test_failed(site, path, message):
    """What is not a whole picture is a failed fetch that says what was wrong."""
    rules, _ = make_rules(site)

    with pytest.raises(FetchFailed, match=message):
        fetch_picture(f"http://public.example{path}", rules)


def test_redirect_count(site):
    """A loop is left after the first address and three redirects."""
    rules, meant = make_rules(site)

    with pytest.raises(FetchFailed):
        fetch_picture("http://public.example/loop", rules)

    assert len(meant) == 4


@pytest.mark.parametrize("path", ["/endless", "/picture", "/huge"])
def test_too_many_bytes(site, path):
    """Reading ends at the limit, announced or not."""
    rules, _ = make_rules(site, max_bytes=10_000)

    with pytest.raises(ImageTooLarge, match="at most 10000 bytes"):
        fetch_picture(f"http://public.example{path}", rules)


@pytest.mark.parametrize("path", ["/drip", "/slow_headers", "/silence"])
def test_too_slow(site, path):
    """Bytes that drip for ever end at the deadline, in body and headers."""
    rules, _ = make_rules(site, timeout_seconds=0.3)
    started_at = time.monotonic()

    with pytest.raises(FetchFailed):
        fetch_picture(f"http://public.example{path}", rules)

    assert time.monotonic() - started_at < NOTICED_SECONDS


def test_slow_handshake(site):
    """A handshake of TLS that never comes ends at the deadline as well."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        address = silent.getsockname()
        rules, _ = make_rules(
            site,
            timeout_seconds=0.3,
            connect=lambda _address, timeout: socket.create_connection(
                address, timeout
            ),
        )
        started_at = time.monotonic()

        with pytest.raises(FetchFailed, match="in time"):
            fetch_picture("https://public.example/", rules)

    assert time.monotonic() - started_at < NOTICED_SECONDS


@pytest.fixture(name="certificate", scope="module")
def _certificate(tmp_path_factory):
    """A self-signed certificate for public.example, made for this run."""
    folder = tmp_path_factory.mktemp("tls")
    key, certificate = folder / "key.pem", folder / "certificate.pem"
    command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2"]
    command += ["-keyout", key, "-out", certificate, "-subj", "/CN=public.example"]
    command += ["-addext", "subjectAltName=DNS:public.example"]
    try:
        subprocess.run(command, check=True, capture_output=True)
    except FileNotFoundError:
        pytest.skip("openssl is not installed")
    return key, certificate


def test_tls(site, certificate):
    """TLS is checked against the name, though the connection is to an address."""
    key, trusted = certificate
    server_side = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server_side.load_cert_chain(trusted, key)
    asked_names = []
    server_side.sni_callback = lambda _socket, name, _context: asked_names.append(name)
    site.socket = server_side.wrap_socket(site.socket, server_side=True)
    rules, meant = make_rules(site, tls=ssl.create_default_context(cafile=trusted))

    body = fetch_picture("https://public.example/picture", rules)
    with pytest.raises(FetchFailed):
        fetch_picture("https://other.example/picture", rules)
    with pytest.raises(FetchFailed):
        fetch_picture("https://public.example/picture", make_rules(site)[0])

    assert body == PICTURE
    assert meant == [(PUBLIC, 443)] * 2
    assert asked_names == ["public.example", "other.example", "public.example"]
    assert site.hosts == ["public.example"]
