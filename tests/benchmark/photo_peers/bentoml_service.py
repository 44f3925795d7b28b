"""BentoML: adaptive batching, one process; the environment names the version folder.

Run: PEER_FOLDER=FOLDER PEER_SIDE=SIDE bentoml serve bentoml_service:PhotoClassifier
"""

# pylint: disable=import-error  # installed in the environment of the peer alone

import base64
import os

import bentoml
import numpy as np

from tests.benchmark.peers.bentoml_service import MAX_LATENCY_MS
from tests.benchmark.peers.merging import MAX_BATCH_SIZE
from tests.benchmark.peers.saved_model import load_scorer
from tests.benchmark.photo_peers.pixels import to_pixels


@bentoml.service(workers=1)
class PhotoClassifier:
    """Photos in base64, scores as JSON."""

    def __init__(self) -> None:
        self.run = load_scorer(os.environ["PEER_FOLDER"])
        self.side = int(os.environ["PEER_SIDE"])

    @bentoml.api(
        batchable=True, max_batch_size=MAX_BATCH_SIZE, max_latency_ms=MAX_LATENCY_MS
    )
    def predict(self, photos: list[str]) -> list[list[float]]:
        """All photos that were merged."""
        images = [to_pixels(base64.b64decode(photo), self.side) for photo in photos]
        return self.run(np.stack(images)).tolist()
