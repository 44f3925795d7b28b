"""Good clients are served while two hundred others crawl."""

from __future__ import annotations

import http.client
import statistics
import time
from contextlib import ExitStack

import psutil
import pytest

from gateway.__main__ import SPARE_THREADS
from gateway.arrivals import MAX_HEAD_BYTES, STALLED_SECONDS
from gateway.worker import MAX_HELD_BYTES
from tests.integration.gateway_process import running_gateway
from tests.integration.raw_http import (
    ask,
    ask_all,
    connect,
    connect_many,
    read_reply,
    write_head,
    write_post,
)
from tests.integration.slow_clients import HEAD, SlowClients

SLOW_CLIENTS = 200
ROUNDS = 3
GOOD_REQUESTS = 150
LIVE = write_head("GET /livez HTTP/1.1")


@pytest.fixture(name="gateway", scope="module")
def _gateway(tiny_server):
    address = f"localhost:{tiny_server.grpc_port}"
    with running_gateway(model_address=address, models="tiny") as gateway:
        yield gateway


def send_photos(gateway, photo, count):
    """Status and seconds of each request, every second one on a new connection."""
    results = []
    client = http.client.HTTPConnection("127.0.0.1", gateway.port, timeout=30)
    for i in range(count):
        if i % 2:
            client.close()
        started_at = time.perf_counter()
        client.request("POST", "/predict", photo, {"Content-Type": "image/jpeg"})
        reply = client.getresponse()
        reply.read()
        results.append((reply.status, time.perf_counter() - started_at))
    client.close()
    return results


def test_slow_clients(gateway, encode_picture):
    """Every good request is answered as fast as alone, while 200 clients crawl."""
    photo = encode_picture("RGB", "JPEG", size=(512, 384))
    send_photos(gateway, photo, 20)
    alone = send_photos(gateway, photo, GOOD_REQUESTS)

    with SlowClients(gateway.port, SLOW_CLIENTS).running() as slow:
        crowded = []
        for _ in range(ROUNDS):
            assert slow.has_dripped.wait(30)
            slow.has_dripped.clear()
            crowded += send_photos(gateway, photo, GOOD_REQUESTS // ROUNDS)

    assert [status for status, _ in crowded] == [200] * GOOD_REQUESTS
    medians = [
        1000 * statistics.median(seconds for _, seconds in results)
        for results in (alone, crowded)
    ]
    slowest = 1000 * max(seconds for _, seconds in crowded)
    print(
        f"\n{SLOW_CLIENTS} slow clients, {slow.rounds} rounds: {len(crowded)} of "
        f"{GOOD_REQUESTS} good requests answered, median {medians[1]:.1f} ms "
        f"(alone {medians[0]:.1f} ms), slowest {slowest:.0f} ms"
    )
    # One thread held is a wait of seconds; the rest is noise of a busy machine.
    assert medians[1] < 3 * medians[0] + 50
    assert slowest < 5000
    worker = psutil.Process(gateway.process.pid).children()[0]
    assert worker.memory_info().rss < 150 * 1024 * 1024


@pytest.mark.parametrize("count", [2, 40])
def test_pipelined(gateway, count):
    """Requests sent at once are answered one after the other, none is left behind."""
    request = b"GET /livez HTTP/1.1\r\nHost: a\r\n\r\n"
    with connect(gateway.port) as client:
        client.sendall(request * count)

        replies = [read_reply(client) for _ in range(count)]

    assert [reply.status for reply in replies] == [200] * count


def test_body_and_next_request(gateway, encode_picture):
    """The bytes after a body begin the next request."""
    photo = encode_picture()
    head = HEAD + b"Content-Length: %d\r\n\r\n" % len(photo)
    with connect(gateway.port) as client:
        client.sendall(head + photo + head)
        first = read_reply(client)
        client.sendall(photo)

        assert (first.status, read_reply(client).status) == (200, 200)


def test_expectation(gateway, encode_picture):
    """A client that waits for a word gets it once, and then its answer."""
    photo = encode_picture()
    fields = b"Expect: 100-continue\r\nContent-Length: %d\r\n\r\n" % len(photo)
    with connect(gateway.port) as client:
        client.sendall(HEAD + fields)
        word = read_reply(client, has_body=False)
        client.sendall(photo)

        assert (word.status, read_reply(client).status) == (100, 200)


def test_long_head(gateway):
    """Header fields without an end are refused in the form of all errors."""
    data = b"GET / HTTP/1.1\r\nX: " + b"a" * MAX_HEAD_BYTES

    reply = ask_all(gateway.port, data)

    assert reply.startswith(b"HTTP/1.1 431 ")
    assert b"application/problem+json" in reply


@pytest.fixture(name="narrow_gateway")
def _narrow_gateway(tiny_server):
    """A gateway with few threads, whose worker is there."""
    address = f"localhost:{tiny_server.grpc_port}"
    with running_gateway(
        model_address=address, models="tiny", threads=4, max_in_flight=4
    ) as gateway:
        assert ask(gateway.port, LIVE).status == 200
        yield gateway


def check_threads(gateway):
    """Although more clients than threads want something, one is free for another."""
    wait_until_idle(psutil.Process(gateway.process.pid).children()[0])
    started_at = time.monotonic()
    assert ask(gateway.port, LIVE).status == 200
    assert time.monotonic() - started_at < STALLED_SECONDS / 2


def test_deaf_crowd(narrow_gateway):
    """Who asks on and reads no answer holds no thread, be they more than threads."""
    # 64 KB each, far more than the kernel keeps of answers that nobody reads.
    questions = write_head("GET /openapi.json HTTP/1.1") * 50

    with connect_many(narrow_gateway.port, 2 * SPARE_THREADS, questions):
        check_threads(narrow_gateway)


def test_memory_is_given_back(narrow_gateway):
    """What requests held on their way is free for others: the next wait for nobody."""
    body = bytes(MAX_HELD_BYTES // 4)
    for _ in range(5):
        post = write_post("/nowhere", body=body)
        assert ask(narrow_gateway.port, post).status == 404

    begun = HEAD + b"Content-Length: 100000\r\n\r\n\xff\xd8"
    with connect_many(narrow_gateway.port, 2 * SPARE_THREADS, begun):
        check_threads(narrow_gateway)


def wait_until_idle(process):
    """Until a process hardly works any more."""
    ends_at = time.monotonic() + 60
    process.cpu_percent()
    while process.cpu_percent(interval=0.3) > 10:
        assert time.monotonic() < ends_at


def test_crawlers_are_answered(gateway):
    """Who does not come to an end is told so after ten seconds."""
    stalled = [
        HEAD,
        HEAD + b"Content-Length: 100000\r\n\r\nabc",
        HEAD + b"Content-Length: 900000000\r\n\r\nabc",
        HEAD + b"Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n",
    ]
    with ExitStack() as stack:
        clients = [stack.enter_context(connect(gateway.port)) for _ in stalled]
        for client, data in zip(clients, stalled):
            client.sendall(data)

        replies = [read_reply(client) for client in clients]

    assert [reply.status for reply in replies] == [408, 400, 413, 400]
    assert all(reply.json["detail"] for reply in replies)
    assert not [line for line in gateway.lines if "Traceback" in line]
