"""Replaced, killed, hung pods and new versions under load: who notices?"""

from __future__ import annotations

import pytest

from tests.integration.outages import check_rows, running_outages
from tests.integration.pods import Pace
from tests.integration.service_callers import Load
from tests.tiny_model import write_tiny_model

# A fifth of what the manifests say. Pods that leave must answer until the last
# connection to them has ended (its age varies by a tenth) and its calls.
PACE = Pace(
    connection_age_ms=2000,
    call_grace_ms=1000,
    model_pre_stop_seconds=4.0,
    gateway_pre_stop_seconds=1.0,
)
HANG_SECONDS = 6
# Model calls of 5 s and what a loaded machine adds.
MOST_SECONDS = 8


@pytest.fixture(name="outages")
def _outages(tmp_path, encode_picture):
    folder = tmp_path / "tiny"
    write_tiny_model(folder)
    flags = ("--model_name=tiny", f"--model_base_path={folder}")
    retries = "--load_retry_interval_micros=100000"
    load = Load(encode_picture("RGB", "PNG"), pause_seconds=0.03, requests=120)
    with running_outages((*flags, retries), PACE, load) as outages:
        yield outages


# Five model servers start one after the other, each with seconds of imports.
@pytest.mark.timeout(600)
def test_zero_failed_requests(outages, tmp_path):
    """Nothing planned fails; a fault is at most 503 with Retry-After, and in time."""
    folder = tmp_path / "tiny"
    second = write_tiny_model(tmp_path / "aside", version=2)

    versions = outages.run_all(folder, second, HANG_SECONDS)

    assert versions == {2}
    check_rows(outages.rows, MOST_SECONDS)
