"""This model server beside other Python servers, the same network, in one run.

Run: .venv/bin/python -m pytest -m benchmark -s tests/benchmark/test_peers.py
Installs the peers below .benchmark/ on the first run (a package registry is needed).
"""

from __future__ import annotations

import functools
import statistics
import subprocess
from contextlib import ExitStack

import numpy as np
import pytest

from tests.benchmark import peer_calls
from tests.benchmark.exported_models import (
    MOBILENET,
    build_classifier,
    draw_images,
    export_network,
)
from tests.benchmark.own_process import own_process
from tests.benchmark.peers import lineup
from tests.benchmark.peers.environments import ROOT, peer_python
from tests.benchmark.peers.processes import first_answer, running

ROUNDS = 3
SECONDS = 4.0
CLIENTS = (16, 1)
IMAGES = 16


@pytest.fixture(name="folder", scope="module")
def _folder(tmp_path_factory):
    """model/1: the export; classifier.keras: the same network and weights."""
    folder = tmp_path_factory.mktemp("peers")
    export_network(MOBILENET, folder / "model")
    build_classifier(MOBILENET).keras_model().save(folder / "classifier.keras")
    return folder


def line_up(folder):
    """All peers; the second is the same process as the first."""
    version, settings = folder / "model" / "1", folder / "mlserver"
    settings.mkdir()
    return (
        *lineup.ours(folder / "model"),
        lineup.flask_keras(folder / "classifier.keras"),
        lineup.kserve(version),
        lineup.mlserver(version, settings),
        lineup.bentoml(version),
        lineup.litserve(version),
    )


def start(peer, folder, stack):
    """Its process, which ends with the stack; None where another one serves it."""
    if not peer.command:
        return None
    log_file = folder / f"{peer.target.port}.log"
    return stack.enter_context(running(peer.command, dict(peer.environ), log_file))


def make_bodies(peer, images, folder):
    """The requests of one peer, one an image."""
    if peer.encode is not None:
        return [peer.encode(image) for image in images]
    np.save(folder / "images.npy", images)
    files = (folder / "images.npy", folder / "requests.npy")
    module = "tests.benchmark.peers.open_inference"
    python = peer_python("mlserver")
    subprocess.run([python, "-m", module, *files], check=True, cwd=ROOT)
    return [row.tobytes() for row in np.load(files[1])]


def write_table(peers, rounds):
    """Markdown: medians over the rounds; ratios with the smallest and largest."""
    lines = [
        "| server | 16 clients, images/s | gRPC here / it | p50, p99 ms "
        "| 1 client, images/s | gRPC here / it | p50, p99 ms | set-up |",
        "| --- | --- | --- | --- | --- | --- | --- | --- |",
    ]
    for number, peer in enumerate(peers):
        cells = [peer.name]
        for clients in CLIENTS:
            speeds = [each[clients][number][0] for each in rounds]
            ratios = [each[clients][0][0] / each[clients][number][0] for each in rounds]
            times = [time for each in rounds for time in each[clients][number][1]]
            p50, p99 = np.percentile(times, (50, 99)) * 1000
            cells += [
                f"{statistics.median(speeds):.0f}",
                f"{statistics.median(ratios):.2f} "
                f"({min(ratios):.2f} to {max(ratios):.2f})",
                f"{p50:.0f}, {p99:.0f}",
            ]
        lines.append(f"| {' | '.join([*cells, peer.setup])} |")
    return "\n".join(lines)


def measure_round(run, peers, bodies):
    """{clients: [(images a second, seconds of each call) of every peer]}."""
    return {
        clients: [
            run(peer_calls.measure, peer.target, body, clients, SECONDS)
            for peer, body in zip(peers, bodies)
        ]
        for clients in CLIENTS
    }


@pytest.mark.filterwarnings("ignore:[^$]*structure of:UserWarning")
@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")
@pytest.mark.timeout(1800)
def test_peers(folder):
    """All give the same scores for the same images; a table says how fast."""
    peers = line_up(folder)
    images = draw_images(MOBILENET, IMAGES)
    bodies = [make_bodies(peer, images, folder) for peer in peers]
    answers = []

    with ExitStack() as stack:
        run = stack.enter_context(own_process())
        for peer, body in zip(peers, bodies):
            process = start(peer, folder, stack) or process
            ask = functools.partial(run, peer_calls.call, peer.target)
            first_answer(functools.partial(ask, body[0]), process)
            answers.append(np.concatenate([peer.read(ask(each)) for each in body]))
        # Once for caches, workers and batchers that adapt.
        measure_round(run, peers, bodies)
        rounds = [measure_round(run, peers, bodies) for _ in range(ROUNDS)]

    print(
        f"\nMobileNetV2-160, one uint8 image a call, {lineup.CORES} cores, medians of "
        f"{ROUNDS} interleaved rounds of {SECONDS:.0f} s (smallest to largest)\n\n"
        + write_table(peers, rounds)
    )
    # Ten times what float32 may differ by when additions change their order.
    assert np.ptp(answers[0][:, 0]) > 1e-3
    for peer, scores in zip(peers, answers):
        np.testing.assert_allclose(scores, answers[0], atol=1e-4, err_msg=peer.name)
