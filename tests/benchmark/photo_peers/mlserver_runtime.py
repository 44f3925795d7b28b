"""MLServer: adaptive batching and an inference worker per core.

Run: mlserver start FOLDER_OF_SETTINGS, which lineup.py writes.
"""

# pylint: disable=import-error  # installed in the environment of the peer alone

from __future__ import annotations

import numpy as np
from mlserver import MLModel
from mlserver.codecs import Base64Codec, NumpyCodec
from mlserver.types import InferenceResponse

from tests.benchmark.peers.saved_model import load_scorer
from tests.benchmark.photo_peers.pixels import to_pixels


class PhotoClassifier(MLModel):
    """Open Inference Protocol over HTTP, photos in base64."""

    run, side = None, None

    async def load(self):
        """Load in the worker process."""
        self.run = load_scorer(self.settings.parameters.uri)
        self.side = self.settings.parameters.extra["side"]
        return True

    async def predict(self, payload):
        """All photos that were merged."""
        photos = Base64Codec.decode_input(payload.inputs[0])
        images = np.stack([to_pixels(photo, self.side) for photo in photos])
        output = NumpyCodec.encode_output("scores", self.run(images))
        return InferenceResponse(model_name=self.name, outputs=[output])
