"""The table of the benchmarks in its shortest form, with real servers.

Run: .venv/bin/python -m pytest -m benchmark -s tests/benchmark/test_table.py
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
OPTIONS = ("--quick", "--clients=2", "--seconds=0.3")


@pytest.mark.timeout(600)
def test_quick_table(tmp_path):
    """This stack, Flask and limit 1 stand in one table, with nothing failed."""
    finished = subprocess.run(
        [
            *(sys.executable, "-m", "tests.benchmark.run", "table", *OPTIONS),
            *("--output", str(tmp_path)),
        ],
        cwd=ROOT,
        env={**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3"},
        capture_output=True,
        text=True,
        timeout=580,
        check=False,
    )

    assert finished.returncode == 0, finished.stderr
    (network,) = json.loads((tmp_path / "report.json").read_text())["networks"]
    (limit,) = network["limits"]
    assert limit["busy"]["images_per_second"]["median"] > 0
    systems = {row["name"]: row for row in network["systems"]}
    assert [row["missing"] for row in systems.values()] == [None, None]
    for row in systems.values():
        assert row["closed"]["2"]["failed"] == 0
        assert row["closed"]["2"]["answers"] > 0
    # The gateway decodes as limit 1 does; only additions change their order.
    assert systems["ours"]["largest_score_difference"] < 1e-4
    assert "| this stack |" in finished.stdout
