"""A thousand hostile inputs, and the gateway is as good as new."""

from __future__ import annotations

import collections
import http.client
from concurrent.futures import ThreadPoolExecutor

import psutil
import pytest

from tests.integration.gateway_process import running_gateway
from tests.integration.hostile_inputs import write_requests
from tests.integration.raw_http import ask_all

COUNT = 1000
CLIENTS = 4
MEGABYTE = 1024 * 1024
NO_HTTP = {
    "noise": bytes(range(256)) * 10,
    "TLS": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(500),
    "HTTP/2": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "line breaks": b"\r\n" * 1000,
    "no version": b"GET /\r\n\r\n",
    "wrong version": b"GET / HTTP/9.9\r\n\r\n",
    "lower-case method": b"get / HTTP/1.1\r\nHost: a\r\n\r\n",
    "long line": b"GET /" + b"a" * 20_000 + b" HTTP/1.1\r\n\r\n",
    "many fields": b"GET / HTTP/1.1\r\n" + b"A: b\r\n" * 1000 + b"\r\n",
    "folded field": b"GET / HTTP/1.1\r\nA: b\r\n c\r\n\r\n",
    "blank in name": b"GET / HTTP/1.1\r\nA : b\r\n\r\n",
    "zero in value": b"GET / HTTP/1.1\r\nA: \0\r\n\r\n",
    "two lengths": b"POST / HTTP/1.1\r\nContent-Length: 1\r\n"
    b"Content-Length: 2\r\n\r\na",
    "both framings": b"POST / HTTP/1.1\r\nContent-Length: 5\r\n"
    b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "two codings": b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked, chunked\r\n\r\n",
    "odd coding": b"POST / HTTP/1.1\r\nTransfer-Encoding: x\r\n\r\n",
    "huge chunk": b"POST /predict HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n"
    b"ffffffffffffffffffff\r\nabc",
    "minus chunk": b"POST /predict HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n"
    b"-1\r\n",
    "odd expectation": b"GET / HTTP/1.1\r\nExpect: money\r\n\r\n",
    "odd path": b"GET \xff\xfe HTTP/1.1\r\nHost: a\r\n\r\n",
    "escaped path": b"GET /%ff%00%0d%0a HTTP/1.1\r\nHost: a\r\n\r\n",
    "whole address": b"GET http://127.0.0.1:22/ HTTP/1.1\r\nHost: a\r\n\r\n",
    "tunnel": b"CONNECT 127.0.0.1:22 HTTP/1.1\r\nHost: a\r\n\r\n",
    "odd host": b"GET / HTTP/1.1\r\nHost: a b<>\"'\r\n\r\n",
    "odd fields": b"POST /predict HTTP/1.1\r\nHost: a\r\nContent-Type: \xff\xfe;=;\r\n"
    b"Accept: ,,;q=x\r\nCookie: =;=\r\nRange: bytes=9-1\r\nContent-Length: 0\r\n\r\n",
}


@pytest.fixture(name="gateway", scope="module")
def _gateway(tiny_server):
    address = f"localhost:{tiny_server.grpc_port}"
    with running_gateway(model_address=address, models="tiny") as gateway:
        # The worker is forked a moment after the port is open.
        ask_all(gateway.port, b"GET /livez HTTP/1.0\r\n\r\n")
        yield gateway


def worker_of(gateway):
    """The one process that answers."""
    return psutil.Process(gateway.process.pid).children()[0]


def send_all(port, requests):
    """The status of each request, on one connection as far as it lasts."""
    statuses = []
    client = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    for request in requests:
        client.putrequest("POST", request.path, skip_accept_encoding=True)
        if request.kind:
            client.putheader("Content-Type", request.kind.encode("utf-8"))
        client.putheader("Content-Length", str(len(request.body)))
        client.endheaders(request.body)
        reply = client.getresponse()
        reply.read()
        statuses.append(reply.status)
    client.close()
    return statuses


def test_thousand_inputs(gateway, encode_picture):
    """Each gets an answer below 500, from the same process, in bounded memory."""
    photo = {"body": encode_picture(), "kind": "image/jpeg", "path": "/predict"}
    requests = write_requests(COUNT)
    worker = worker_of(gateway)
    with ThreadPoolExecutor(CLIENTS) as clients:
        shares = [requests[i::CLIENTS] for i in range(CLIENTS)]
        statuses = sum(clients.map(lambda s: send_all(gateway.port, s), shares), [])

    counts = dict(sorted(collections.Counter(statuses).items()))
    megabytes = worker.memory_info().rss / MEGABYTE
    print(f"\n{len(statuses)} hostile inputs: {counts}, worker {megabytes:.0f} MB")
    assert len(statuses) == COUNT
    assert max(counts) < 500 and set(counts) >= {200, 400, 413, 415}
    assert worker_of(gateway) == worker and megabytes < 150
    assert not [line for line in gateway.lines if "Traceback" in line]
    good = type("Request", (), photo)
    assert send_all(gateway.port, [good]) == [200]


@pytest.mark.parametrize("kind", NO_HTTP)
def test_no_http(gateway, kind):
    """What is hardly HTTP is a 4xx, or a connection closed without a word."""
    worker = worker_of(gateway)

    reply = ask_all(gateway.port, NO_HTTP[kind])

    status = int(reply.split(b" ", 2)[1]) if reply else None
    assert status is None or status < 500
    assert not reply or status == 200 or b"application/problem+json" in reply
    assert worker_of(gateway) == worker
    assert not [line for line in gateway.lines if "Traceback" in line]
