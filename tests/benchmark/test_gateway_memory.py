"""What each worker of a gateway holds in memory, at rest and after many requests.

Run: .venv/bin/python -m pytest -m benchmark -s tests/benchmark/test_gateway_memory.py
"""

from __future__ import annotations

import psutil

from tests.benchmark import photo_callers
from tests.benchmark.own_process import own_process
from tests.benchmark.photos import load_photos
from tests.benchmark.stack import wait_until_ready
from tests.benchmark.tiny_server import NAME, running_tiny_server
from tests.integration.gateway_process import running_gateway

WORKERS = 2
# Each client keeps its connection, so that both workers get some of them.
CLIENTS = 16
REQUESTS = 1000
ROUNDS = 3
PHOTOS = 64
MEGABYTE = 1024 * 1024
MOST_MEGABYTES = 150
# What is free at the moment differs by 5 % from one look to the next; a leak of 10 KB
# a request would be 20 %.
MOST_GROWTH = 1.12


def test_memory(tmp_path, datasets_dir):
    """A worker stays small, and after the first 1,000 requests takes little more."""
    photos = load_photos(datasets_dir, PHOTOS)
    with running_tiny_server(tmp_path / NAME) as address, own_process() as callers:
        settings = {"model_address": address, "models": NAME, "workers": WORKERS}
        with running_gateway(**settings) as gateway:
            wait_until_ready(gateway.port)
            seen = [read_memory(gateway.process.pid)]
            for _ in range(ROUNDS):
                callers(photo_callers.so_many, gateway.port, photos, CLIENTS, REQUESTS)
                seen.append(read_memory(gateway.process.pid))

    print(f"\nMB of {WORKERS} workers and the process above them, resident (its share)")
    for number, rows in enumerate(seen):
        told = ", ".join(f"{resident:.0f} ({share:.0f})" for resident, share in rows)
        print(f"  after {number * REQUESTS} requests: {told}")
    first, last = (max(resident for resident, _ in seen[i]) for i in (1, -1))
    assert last < MOST_MEGABYTES
    assert last < MOST_GROWTH * first


def read_memory(pid):
    """MB of each worker, then of the process that started them: (resident, share).

    The share (PSS) divides what several processes hold together between them.
    """
    process = psutil.Process(pid)
    found = [each.memory_full_info() for each in (*process.children(), process)]
    return [(each.rss / MEGABYTE, each.pss / MEGABYTE) for each in found]
