"""Versions change under a running gateway; every answer stays whole."""

from __future__ import annotations

import os
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from gateway.app import create_app
from gateway.model_client import ModelClient
from gateway.settings import Settings
from tests.integration.tiny_answers import expected_scores, received_scores
from tests.tiny_model import LABELS, tiny_contract, write_tiny_model

WAIT_SECONDS = 30
OTHER_LABELS = ("cat", "dog")
OTHER_SIZE = (6, 4)
# What each version knows and wants.
VERSIONS = {1: (LABELS, (8, 10)), 2: (OTHER_LABELS, OTHER_SIZE)}


def write_version(base_path, version):
    """Write one version aside and rename it, since servers poll."""
    labels, size = VERSIONS[version]
    aside = base_path.parent / "aside"
    folder = write_tiny_model(aside, version, tiny_contract(labels, size))
    base_path.mkdir(exist_ok=True)
    os.rename(folder, base_path / str(version))


def make_web(address):
    """The gateway in this process, for one server."""
    client = ModelClient(address)
    return create_app(Settings(models=("tiny",)), client).test_client()


@pytest.fixture(name="photo")
def _photo(encode_picture):
    return encode_picture("RGB", "PNG")


def ask(web, photo):
    """The version that answered; its labels and scores are checked here."""
    reply = web.post("/predict", data=photo, content_type="image/png")
    assert reply.status_code == 200, reply.text
    version = reply.json["version"]
    labels, size = VERSIONS[version]
    expected = expected_scores(photo, size, labels)
    # float32 through a softmax in another order of additions: six digits.
    received = received_scores(reply.json["predictions"][0])
    assert received == pytest.approx(expected, rel=1e-6)
    return version


def test_hot_swap(start_model_server, tmp_path, photo):
    """A new version with other labels and another size takes over without an error."""
    base_path = tmp_path / "tiny"
    write_version(base_path, 1)
    server = start_model_server(base_path)
    web = make_web(f"localhost:{server.grpc_port}")
    assert ask(web, photo) == 1

    write_version(base_path, 2)
    ends_at = time.monotonic() + WAIT_SECONDS
    while ask(web, photo) == 1:
        assert time.monotonic() < ends_at

    assert {ask(web, photo) for _ in range(20)} == {2}


def test_two_pods(start_model_server, tmp_path, photo):
    """While a Deployment rolls, each pod has one version: no answer mixes the two."""
    ports = []
    for version in VERSIONS:
        base_path = tmp_path / f"pod{version}" / "tiny"
        base_path.parent.mkdir()
        write_version(base_path, version)
        ports.append(start_model_server(base_path).grpc_port)
    web = make_web("ipv4:" + ",".join(f"127.0.0.1:{port}" for port in ports))

    with ThreadPoolExecutor(8) as clients:
        versions = list(clients.map(lambda _: ask(web, photo), range(400)))

    assert set(versions) == {1, 2}


def test_rollback(start_model_server, tmp_path, photo):
    """A version that is taken away gives the word back to the older one."""
    base_path = tmp_path / "tiny"
    for version in VERSIONS:
        write_version(base_path, version)
    server = start_model_server(base_path)
    web = make_web(f"localhost:{server.grpc_port}")
    assert ask(web, photo) == 2

    os.rename(base_path / "2", tmp_path / "withdrawn")
    ends_at = time.monotonic() + WAIT_SECONDS
    while ask(web, photo) == 2:
        assert time.monotonic() < ends_at

    assert ask(web, photo) == 1


def test_server_restart(start_model_server, tmp_path, photo):
    """A server that stops is 503 with Retry-After; when it is back, so are answers."""
    base_path = tmp_path / "tiny"
    write_version(base_path, 1)
    server = start_model_server(base_path)
    port = server.grpc_port
    web = make_web(f"localhost:{port}")
    assert ask(web, photo) == 1

    server.stop()
    reply = web.post("/predict", data=photo, content_type="image/png")
    assert (reply.status_code, reply.json["code"]) == (503, "model_unavailable")
    assert int(reply.headers["Retry-After"]) > 0

    start_model_server(base_path, port=port)
    ends_at = time.monotonic() + WAIT_SECONDS
    while reply.status_code == 503:
        assert time.monotonic() < ends_at
        reply = web.post("/predict", data=photo, content_type="image/png")
    assert ask(web, photo) == 1
