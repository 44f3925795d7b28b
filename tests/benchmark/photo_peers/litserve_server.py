"""LitServe with photos: dynamic batching, a worker process per core.

Run: python litserve_server.py FOLDER SIDE PORT
"""

from __future__ import annotations

import base64
import sys

from tests.benchmark.peers.litserve_server import Classifier, serve
from tests.benchmark.photo_peers.pixels import to_pixels


class PhotoClassifier(Classifier):
    """JSON with the photo in base64, scores as JSON."""

    def __init__(self, folder, side):
        super().__init__(folder)
        self.side = side

    def decode_request(self, request):
        """One photo."""
        return to_pixels(base64.b64decode(request["photo"]), self.side)

    def encode_response(self, output):
        """One photo's scores."""
        return {"scores": output.tolist()}


if __name__ == "__main__":
    serve(PhotoClassifier(sys.argv[1], int(sys.argv[2])), sys.argv[3])
