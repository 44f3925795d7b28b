"""MLServer: adaptive batching and an inference worker per core.

Run: mlserver start FOLDER_OF_SETTINGS, which write_settings fills.
"""

# pylint: disable=import-error  # installed in the environment of the peer alone

from __future__ import annotations

from mlserver import MLModel
from mlserver.codecs import NumpyCodec
from mlserver.types import InferenceResponse

from tests.benchmark.peers.saved_model import load_scorer


class Classifier(MLModel):
    """Open Inference Protocol, raw tensors."""

    run = None

    async def load(self):
        """Load in the worker process."""
        self.run = load_scorer(self.settings.parameters.uri)
        return True

    async def predict(self, payload):
        """All rows that were merged."""
        images = NumpyCodec.decode_input(payload.inputs[0])
        output = NumpyCodec.encode_output("scores", self.run(images))
        return InferenceResponse(model_name=self.name, outputs=[output])
