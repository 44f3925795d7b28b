"""KServe's Python server with a model of one's own; it merges no calls by itself.

Run: python kserve_server.py FOLDER --grpc_port=PORT --http_port=PORT
"""

# pylint: disable=import-error  # installed in the environment of the peer alone

from __future__ import annotations

import asyncio
import sys

from kserve import InferOutput, InferResponse, Model, ModelServer

from tests.benchmark.peers.saved_model import load_scorer


class Classifier(Model):
    """Open Inference Protocol, raw tensors."""

    def __init__(self, folder):
        super().__init__("classifier")
        self.run = load_scorer(folder)
        self.ready = True

    async def predict(self, payload, headers=None, response_headers=None):
        """One call's images, on a thread, so that the loop goes on reading."""
        del headers, response_headers
        images = payload.inputs[0].as_numpy()
        scores = await asyncio.to_thread(self.run, images)
        output = InferOutput("scores", list(scores.shape), "FP32")
        output.set_data_from_numpy(scores)
        return InferResponse(payload.id, self.name, [output])


if __name__ == "__main__":
    ModelServer().start([Classifier(sys.argv.pop(1))])
