"""Feature extraction as training does it, beside the bare network, in one run.

Run: pytest -m benchmark -s tests/benchmark/test_feature_extraction.py
"""

import statistics
import time

import numpy as np
import pytest

from tests.integration.transfer_backbone import name_pictures
from training.backbones import build_backbone
from training.config import Augmentation
from training.feature_store import CHUNK_PICTURES, Changes, FeatureStore
from training.features import freeze_rows
from training.pictures import Pixels

PHOTOS, ROUNDS = 512, 7


@pytest.mark.timeout(900)
@pytest.mark.parametrize("number", [0, 2], ids=["as it is", "changed at random"])
def test_feature_extraction(number, tmp_path):
    """With augmentation, memory and files, at least 0.9 of the network alone."""
    backbone = build_backbone("efficientnet-lite0", "random")
    compute = freeze_rows(backbone.network, is_pooled=True)
    noise = np.random.default_rng(0)
    batch = noise.integers(0, 256, (PHOTOS, *backbone.size, 3), np.uint8)
    pixels = Pixels(
        batch=batch, targets=np.zeros(PHOTOS, np.int64), digests=name_pictures(batch)
    )
    compute(batch[:CHUNK_PICTURES])

    speeds = {"bare": [], "ours": []}
    for round_number in range(ROUNDS):
        start = time.perf_counter()
        for first in range(0, PHOTOS, CHUNK_PICTURES):
            compute(batch[first : first + CHUNK_PICTURES])
        speeds["bare"].append(PHOTOS / (time.perf_counter() - start))
        changes = Changes(Augmentation(), seed=round_number)
        store = FeatureStore(compute, tmp_path / str(round_number), changes)
        start = time.perf_counter()
        store.rows(pixels, "features", number)
        speeds["ours"].append(PHOTOS / (time.perf_counter() - start))

    ratios = sorted(ours / bare for ours, bare in zip(speeds["ours"], speeds["bare"]))
    print(
        f"\npass {number}: {statistics.median(speeds['ours']):.0f} photos/s, bare "
        f"network {statistics.median(speeds['bare']):.0f}; ratio "
        f"{statistics.median(ratios):.2f} ({ratios[0]:.2f} to {ratios[-1]:.2f})"
    )
    assert statistics.median(ratios) >= 0.9
