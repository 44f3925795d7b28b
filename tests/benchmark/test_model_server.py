"""The model server beside the bare session it runs, in one run.

Run: .venv/bin/python -m pytest -m benchmark -s tests/benchmark/test_model_server.py
"""

from __future__ import annotations

import statistics
from contextlib import ExitStack

import pytest

from tests.benchmark import bare_session, grpc_callers
from tests.benchmark.exported_models import (
    LITE,
    MOBILENET,
    draw_images,
    export_network,
)
from tests.benchmark.own_process import own_process
from tests.integration.serving_process import start_server

CLIENTS = 16
ROUNDS = 7
SECONDS = 5.0
# Many short rounds: a busy neighbor then spoils both sides of the same ones.
LONE_ROUNDS, LONE_CALLS = 60, 6
TEST_SECONDS = 900
BATCHING = (
    "--enable_batching=true",
    "--batching_parameters_file=serving/batching.config",
)


@pytest.fixture(name="network", scope="module", params=[MOBILENET, LITE])
def _network(request, tmp_path_factory):
    """(name, version folder) of one network."""
    base_path = tmp_path_factory.mktemp("networks") / request.param
    return request.param, export_network(request.param, base_path)


@pytest.fixture(name="open_server")
def _open_server(network):
    """A function that starts a server process with flags; gives its address."""
    name, folder = network
    with ExitStack() as stack:

        def open_server(*flags):
            _, fields = stack.enter_context(
                start_server(
                    f"--model_name={name}",
                    f"--model_base_path={folder.parent}",
                    *flags,
                    timeout_seconds=TEST_SECONDS,
                )
            )
            return f"localhost:{fields['grpc_port']}"

        yield open_server


@pytest.fixture(name="bare")
def _bare():
    with own_process() as call:
        yield call


@pytest.fixture(name="callers")
def _callers():
    with own_process() as call:
        yield call


@pytest.mark.timeout(TEST_SECONDS)
def test_throughput(network, open_server, bare, callers):
    """16 clients, an image a call: 0.85 of full batches from memory; merging pays."""
    name, folder = network
    images = draw_images(name, 32)
    requests = [grpc_callers.serialize_request(name, [image]) for image in images]
    servers = {"on": open_server(*BATCHING), "off": open_server()}
    batch_size = bare(bare_session.best_batch_size, folder, images, 2.0)

    def serve(kind, seconds):
        return callers(
            grpc_callers.images_per_second, servers[kind], requests, CLIENTS, seconds
        )

    serve("on", 2.0)
    serve("off", 2.0)
    rows = [
        (
            bare(bare_session.images_per_second, folder, images, batch_size, SECONDS),
            serve("on", SECONDS),
            serve("off", SECONDS),
        )
        for _ in range(ROUNDS)
    ]
    limits, on, off = zip(*rows)

    print(
        f"\n{name}, {CLIENTS} clients, {ROUNDS} rounds of {SECONDS:.0f} s, images/s: "
        f"bare in batches of {batch_size} {statistics.median(limits):.0f}, "
        f"batching on {statistics.median(on):.0f}, off {statistics.median(off):.0f}; "
        f"on / bare {describe(on, limits)}; on / off {describe(on, off)}"
    )
    assert statistics.median(ratios(on, off)) > 1.0
    assert statistics.median(ratios(on, limits)) >= 0.85


def ratios(first, second):
    """Round by round, smallest first."""
    return sorted(a / b for a, b in zip(first, second))


def describe(first, second):
    """The median ratio and its spread, for a print."""
    found = ratios(first, second)
    return f"median {statistics.median(found):.2f}, {found[0]:.2f} to {found[-1]:.2f}"


@pytest.mark.timeout(TEST_SECONDS)
def test_lone_client(network, open_server, bare, callers):
    """One client alone pays at most 2 ms more than the session's run itself."""
    name, folder = network
    image = draw_images(name, 1)
    request = grpc_callers.serialize_request(name, image)
    address = open_server(*BATCHING)
    bare(bare_session.run_seconds, folder, image, 20)
    callers(grpc_callers.call_seconds, address, request, 20)

    calls, runs = [], []
    for _ in range(LONE_ROUNDS):
        times = bare(bare_session.run_seconds, folder, image, LONE_CALLS)
        runs.append(1000 * statistics.median(times))
        times = callers(grpc_callers.call_seconds, address, request, LONE_CALLS)
        calls.append(1000 * statistics.median(times))
    costs = sorted(call - run for call, run in zip(calls, runs))

    quarter, middle = LONE_ROUNDS // 4, statistics.median(costs)
    print(
        f"\n{name}, one client, {LONE_ROUNDS} rounds of {LONE_CALLS} calls: call - run "
        f"median {middle:.2f} ms, quartiles {costs[quarter]:.2f} to "
        f"{costs[-quarter]:.2f}; call {statistics.median(calls):.2f}, "
        f"run {statistics.median(runs):.2f} ms"
    )
    assert middle <= 2.0
