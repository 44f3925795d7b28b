"""Batch scoring's images per second beside the bare network's, in one run.

Run: .venv/bin/python -m pytest -m benchmark -s tests/benchmark/test_scoring.py
"""

import statistics

import pytest

from tests.benchmark import bare_session, scoring_loop
from tests.benchmark.exported_models import LITE, SIZES, draw_images, export_network
from tests.benchmark.own_process import own_process

ROUNDS = 5
SECONDS = 6.0
PHOTOS = 768
BARE_BATCH = 16


@pytest.mark.timeout(900)
def test_scoring_loop(datasets_dir, tmp_path):
    """Files to scores keeps at least 0.85 of decode + network fed from memory."""
    folder, size = export_network(LITE, tmp_path / "lite"), SIZES[LITE]
    images = draw_images(LITE, BARE_BATCH)
    found = sorted((datasets_dir / "pizza-not-pizza").rglob("*.jpg"))
    photos = tuple(str(path) for path in found[:PHOTOS])
    output = tmp_path / "scores.csv"

    rounds = []
    with own_process() as call:
        call(scoring_loop.images_per_second, folder, photos, output)
        for _ in range(ROUNDS):
            rounds.append(
                (
                    call(scoring_loop.images_per_second, folder, photos, output),
                    call(
                        scoring_loop.decoded_per_second, folder, size, photos, SECONDS
                    ),
                    call(
                        bare_session.images_per_second,
                        folder,
                        images,
                        BARE_BATCH,
                        SECONDS,
                    ),
                )
            )

    loop, decoded, bare = (statistics.median(speeds) for speeds in zip(*rounds))
    with_decode = sorted(row[0] / row[1] for row in rounds)
    without = sorted(row[0] / row[2] for row in rounds)
    print(
        f"\nEfficientNet-Lite0 224, {PHOTOS} real photos, {ROUNDS} rounds: scoring "
        f"{loop:.0f} images/s; / decode and network from memory ({decoded:.0f}) median "
        f"{statistics.median(with_decode):.2f}, {with_decode[0]:.2f} to "
        f"{with_decode[-1]:.2f}; / network alone ({bare:.0f}) median "
        f"{statistics.median(without):.2f}, {without[0]:.2f} to {without[-1]:.2f}"
    )
    assert statistics.median(with_decode) >= 0.85
