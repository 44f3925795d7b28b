"""Two models under load in one server with batching: every answer is checked.

Run: .venv/bin/python -m pytest -m benchmark -s tests/benchmark/test_two_models.py
"""

from __future__ import annotations

import numpy as np
import pytest

from tests.benchmark import grpc_callers
from tests.benchmark.own_process import own_process
from tests.integration.serving_models import build_half_plus, write_graph
from tests.integration.serving_process import start_server

CLIENTS = 16
ANSWERS = 20_000
AMOUNTS = {"plus_two": 2, "plus_three": 3}
TEST_SECONDS = 600


@pytest.fixture(name="address")
def _address(tmp_path):
    """A server process with both models; inputs, outputs and shapes are alike."""
    entries = []
    for name, amount in AMOUNTS.items():
        write_graph(tmp_path / name / "1", build_half_plus(amount))
        entries.append(
            f'config {{ name: "{name}" base_path: "{tmp_path / name}" '
            'model_platform: "tensorflow" }'
        )
    config = tmp_path / "models.config"
    config.write_text(f"model_config_list {{ {' '.join(entries)} }}")
    flags = (
        f"--model_config_file={config}",
        "--enable_batching=true",
        "--batching_parameters_file=serving/batching.config",
    )
    with start_server(*flags, timeout_seconds=TEST_SECONDS) as (_, fields):
        yield f"localhost:{fields['grpc_port']}"


@pytest.mark.timeout(TEST_SECONDS)
def test_own_answers(address):
    """20,000 answers of two models, one to three rows each: each is its call's own."""
    noise = np.random.default_rng(17)
    cases = []
    for name in noise.choice(list(AMOUNTS), 1000).tolist():
        # Whole numbers below 2 ** 20: halves of them are exact in float32.
        values = noise.integers(0, 2**20, noise.integers(1, 4)).tolist()
        answer = [value / 2 + AMOUNTS[name] for value in values]
        images = np.float32(values).reshape(-1, 1)
        cases.append((grpc_callers.serialize_request(name, images, "x"), name, answer))

    with own_process() as callers:
        right, wrong = callers(
            grpc_callers.check_answers, address, cases, CLIENTS, ANSWERS
        )

    print(f"\n{right + wrong} answers of two models checked, {wrong} wrong")
    assert right >= ANSWERS
    assert wrong == 0
