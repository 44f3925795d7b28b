"""The trained network as Keras' own file, for those who go on with it there."""

from __future__ import annotations

import warnings
from pathlib import Path

from training.model import Classifier

KERAS_FILE = "model.keras"


def write_keras_file(classifier: Classifier, folder: Path) -> None:
    """Write model.keras: uint8 pictures in, scores out, nothing folded or frozen.

    keras.saving.load_model reads it without this project's code.
    """
    with warnings.catch_warnings():
        # h5py asks TensorFlow's variables for an array without a copy (NumPy 2).
        warnings.filterwarnings(
            "ignore", "__array__ implementation", category=DeprecationWarning
        )
        classifier.keras_model().save(folder / KERAS_FILE)
