"""Replaced, killed, hung pods and new versions under load: who notices?"""

from __future__ import annotations

import pytest

from tests.integration.outages import MOST_UNEVEN, running_outages
from tests.integration.pods import Pace
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
REQUESTS = 120
# Model calls of 5 s and what a loaded machine adds.
MOST_SECONDS = 8


@pytest.fixture(name="outages")
def _outages(tmp_path, encode_picture):
    folder = tmp_path / "tiny"
    write_tiny_model(folder)
    flags = ("--model_name=tiny", f"--model_base_path={folder}")
    retries = "--load_retry_interval_micros=100000"
    photo = encode_picture("RGB", "PNG")
    with running_outages((*flags, retries), photo, PACE, REQUESTS) as outages:
        yield outages


def test_zero_failed_requests(outages, tmp_path):
    """Nothing planned fails; a fault is at most 503 with Retry-After, and in time."""
    folder = tmp_path / "tiny"
    second = write_tiny_model(tmp_path / "aside", version=2)

    outages.rest()
    outages.roll()
    versions = outages.publish(folder, second)
    outages.publish_broken(folder, version=3)
    outages.kill()
    outages.hang(HANG_SECONDS)

    assert versions == {2}
    for row in outages.rows:
        assert row.tally.hard_failures == 0, row
        assert row.tally.longest_seconds < MOST_SECONDS, row
        assert not (row.is_planned and row.tally.failures), row
        for share in (*row.model_shares, *row.gateway_shares):
            assert share == pytest.approx(1, abs=MOST_UNEVEN), row
