"""The server most tutorials end with: an upload form's photo to keras.Model.predict."""

from __future__ import annotations

import keras
import numpy as np
from flask import Flask, request

from tests.benchmark.photo_peers.pixels import to_pixels


def create_app(model_file):
    """A photo in a form's field, scores as JSON."""
    model = keras.models.load_model(model_file)
    side = model.input_shape[1]
    # Compiled before the first caller waits for it.
    model.predict(np.zeros((1, side, side, 3), np.uint8), verbose=0)
    app = Flask(__name__)

    @app.post("/predict")
    def predict():
        images = to_pixels(request.files["image"].read(), side)[None]
        return {"scores": model.predict(images, verbose=0)[0].tolist()}

    return app
