"""Images per second through the whole stack, beside the bare model, in one run.

Run: .venv/bin/python -m pytest -m benchmark -s tests/benchmark
"""

import io
import statistics

import numpy as np
import pytest
from PIL import Image

from tests.benchmark.bare_model import BareModel
from tests.benchmark.stack import images_per_second, running_stack
from tests.integration.trained_model import draw_photos, train_briefly

CLIENTS = 16
ROUNDS = 5
SECONDS = 8.0
SIZE = (224, 224)


@pytest.fixture(name="pictures", scope="module")
def _pictures():
    """64 drawn 512 x 384 JPEGs with the grain of a photo, about 60 KB each."""
    noise = np.random.default_rng(11)
    pictures = []
    for _ in range(64):
        coarse = noise.integers(0, 256, (24, 32, 3), np.uint8)
        smooth = Image.fromarray(coarse).resize((512, 384), Image.Resampling.BICUBIC)
        grain = noise.normal(0, 8, (384, 512, 3))
        pixels = np.clip(np.asarray(smooth) + grain, 0, 255).astype(np.uint8)
        file = io.BytesIO()
        Image.fromarray(pixels).save(file, "JPEG", quality=88)
        pictures.append(file.getvalue())
    return pictures


@pytest.mark.timeout(900)
def test_throughput(pictures, tmp_path):
    """16 clients over HTTP reach at least half of what the bare model does."""
    folder = train_briefly(
        draw_photos(tmp_path / "photos"), tmp_path / "models" / "bench"
    ).version_folder
    bare = BareModel(folder, SIZE)
    batch_size = bare.best_batch_size(pictures, seconds=3.0)

    rounds = []
    with running_stack(folder.parent, "bench") as port:
        images_per_second(port, pictures, CLIENTS, seconds=3.0)
        for _ in range(ROUNDS):
            limit = bare.images_per_second(pictures, batch_size, SECONDS)
            served = images_per_second(port, pictures, CLIENTS, SECONDS)
            rounds.append((served, limit))

    ratios = sorted(served / limit for served, limit in rounds)
    print(
        f"\n{CLIENTS} clients, EfficientNet-Lite0 224, 512 x 384 JPEG, {ROUNDS} rounds "
        f"of {SECONDS:.0f} s: stack / bare model (batch {batch_size}) "
        f"median {statistics.median(ratios):.2f}, {ratios[0]:.2f} to {ratios[-1]:.2f}; "
        f"stack {statistics.median(row[0] for row in rounds):.0f}, "
        f"bare {statistics.median(row[1] for row in rounds):.0f} images/s"
    )
    assert statistics.median(ratios) >= 0.5
