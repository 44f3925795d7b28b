"""KServe's Python server with a model of one's own; it merges no calls by itself.

Run: python kserve_server.py FOLDER SIDE --http_port=PORT --grpc_port=PORT
"""

# pylint: disable=import-error  # installed in the environment of the peer alone

from __future__ import annotations

import asyncio
import base64
import sys

import numpy as np
from kserve import Model, ModelServer

from tests.benchmark.peers.saved_model import load_scorer
from tests.benchmark.photo_peers.pixels import to_pixels


class PhotoClassifier(Model):
    """The V1 protocol, photos in base64."""

    def __init__(self, folder, side):
        super().__init__("classifier")
        self.run, self.side = load_scorer(folder), side
        self.ready = True

    async def predict(self, payload, headers=None, response_headers=None):
        """One call's photos, on a thread, so that the loop goes on reading."""
        del headers, response_headers
        photos = [each["image"]["b64"] for each in payload["instances"]]
        return {"predictions": await asyncio.to_thread(self.score, photos)}

    def score(self, photos):
        """A row of scores each."""
        images = [to_pixels(base64.b64decode(photo), self.side) for photo in photos]
        return self.run(np.stack(images)).tolist()


if __name__ == "__main__":
    own_arguments = [sys.argv.pop(1) for _ in range(2)]
    ModelServer().start([PhotoClassifier(own_arguments[0], int(own_arguments[1]))])
