"""BentoML: adaptive batching, one process; the environment names the version folder.

Run: PEER_FOLDER=FOLDER bentoml serve bentoml_service:Classifier --port PORT
"""

# pylint: disable=import-error  # installed in the environment of the peer alone

import base64
import os

import bentoml
import numpy as np

from tests.benchmark.peers.merging import MAX_BATCH_SIZE
from tests.benchmark.peers.saved_model import load_scorer

# How long a caller may wait at most; above it BentoML refuses calls.
MAX_LATENCY_MS = 10_000
SIZE = (160, 160)


@bentoml.service(workers=1)
class Classifier:
    """Pixels in base64, scores as JSON; lists of pixels would be ten times slower."""

    def __init__(self) -> None:
        self.run = load_scorer(os.environ["PEER_FOLDER"])

    @bentoml.api(
        batchable=True, max_batch_size=MAX_BATCH_SIZE, max_latency_ms=MAX_LATENCY_MS
    )
    def predict(self, pixels: list[str]) -> list[list[float]]:
        """All images that were merged."""
        flat = np.frombuffer(b"".join(map(base64.b64decode, pixels)), np.uint8)
        return self.run(flat.reshape(-1, *SIZE, 3)).tolist()
