"""Pods replaced, killed and hung at the manifests' own pace, with a real network.

Run: .venv/bin/python -m pytest -m benchmark -s tests/benchmark/test_zero_failed.py
It takes some eight minutes and 3 GB of memory.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest
import yaml

from gateway.settings import Settings
from tests.benchmark.exported_models import LITE, export_network
from tests.benchmark.photos import load_photos
from tests.integration.outages import check_rows, running_outages
from tests.integration.pods import Pace
from tests.integration.service_callers import Load
from tests.manifests.test_shutdown import (
    channel_arguments,
    parts_of,
    pre_stop_seconds,
)

BASE = Path("kube-config/base")
HANG_SECONDS = 20
REQUESTS = 300
# Some 30 photos a second: half of two cores, which also start model servers.
PAUSE_SECONDS = 0.25
# What HTTP and decoding add to the deadline of the model call.
SECONDS_AROUND_THE_CALL = 1.0


def read_container(name):
    """The one container of a Deployment of the base."""
    text = (BASE / name / "deployment.yaml").read_text(encoding="utf-8")
    return parts_of(yaml.safe_load(text))[1]


def read_pace():
    """What the manifests say of pods that leave."""
    model_server = read_container("model-server")
    options = channel_arguments(model_server)
    return Pace(
        options["grpc.max_connection_age_ms"],
        options["grpc.max_connection_age_grace_ms"],
        pre_stop_seconds(model_server),
        pre_stop_seconds(read_container("gateway")),
    )


# Keras takes a bare array for its one input, and warns.
@pytest.mark.filterwarnings("ignore:[^$]*structure of:UserWarning")
@pytest.mark.timeout(1800)
def test_zero_failed(datasets_dir, tmp_path):
    """Nothing planned fails; a fault is at most 503 with Retry-After, and in time."""
    photo = load_photos(datasets_dir, 1)[0]
    folder = tmp_path / LITE
    first = export_network(LITE, folder)
    second = tmp_path / "aside" / "2"
    shutil.copytree(first, second, copy_function=os.link)
    flags = (
        "--model_name=tiny",
        f"--model_base_path={folder}",
        *(flag for flag in read_container("model-server")["args"] if "retry" in flag),
    )

    with running_outages(
        flags, read_pace(), Load(photo, PAUSE_SECONDS, REQUESTS)
    ) as outages:
        versions = outages.run_all(folder, second, HANG_SECONDS)

    assert versions == {2}
    check_rows(outages.rows, Settings().model_timeout_seconds + SECONDS_AROUND_THE_CALL)
