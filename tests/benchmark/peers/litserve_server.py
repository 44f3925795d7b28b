"""LitServe: dynamic batching, a worker process per core as its documents say for CPUs.

Run: python litserve_server.py FOLDER PORT
"""

# pylint: disable=import-error  # installed in the environment of the peer alone

from __future__ import annotations

import base64
import os
import sys

import litserve
import numpy as np

from tests.benchmark.peers.merging import MAX_BATCH_SIZE, MAX_WAIT_SECONDS
from tests.benchmark.peers.saved_model import load_scorer


class Classifier(litserve.LitAPI):
    """JSON with the pixels in base64, scores as JSON."""

    # pylint: disable=no-self-use  # LitServe calls methods

    def __init__(self, folder):
        super().__init__(max_batch_size=MAX_BATCH_SIZE, batch_timeout=MAX_WAIT_SECONDS)
        self.folder = folder
        self.run = None

    def setup(self, device):
        """Load in the worker process."""
        del device
        self.run = load_scorer(self.folder)

    def decode_request(self, request):
        """One image."""
        pixels = np.frombuffer(base64.b64decode(request["pixels"]), np.uint8)
        return pixels.reshape(request["shape"])

    def batch(self, inputs):
        """Images to one array."""
        return np.stack(inputs)

    def predict(self, x):
        """All images of the batch at once."""
        return self.run(x)

    def unbatch(self, output):
        """A row for each caller."""
        return list(output)

    def encode_response(self, output):
        """One image's scores."""
        return {"scores": np.reshape(output, (1, -1)).tolist()}


def serve(api, port):
    """Answer on loopback until the process is ended."""
    litserve.LitServer(api, accelerator="cpu", workers_per_device=os.cpu_count()).run(
        host="127.0.0.1",
        port=int(port),
        generate_client_file=False,
        log_level="warning",
    )


if __name__ == "__main__":
    serve(Classifier(sys.argv[1]), sys.argv[2])
