"""The server most tutorials end with: Flask around keras.Model.predict."""

from __future__ import annotations

import keras
import numpy as np
from flask import Flask, request


def create_app(model_file):
    """Pixels of one image as the body, scores as JSON."""
    model = keras.models.load_model(model_file)
    shape = (1, *model.input_shape[1:])
    # Compiled before the first caller waits for it.
    model.predict(np.zeros(shape, np.uint8), verbose=0)
    app = Flask(__name__)

    @app.get("/ready")
    def ready():
        return "yes"

    @app.post("/predict")
    def predict():
        images = np.frombuffer(request.get_data(), np.uint8).reshape(shape)
        return {"scores": model.predict(images, verbose=0).tolist()}

    return app
