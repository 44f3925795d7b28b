"""The network as servers of user code load it; runs in each peer's environment."""

from __future__ import annotations

import numpy as np
import tensorflow as tf


def load_scorer(folder):
    """A function from uint8 images to scores, both arrays, by the default signature."""
    model = tf.saved_model.load(str(folder))
    score = model.signatures["serving_default"]

    def run(images):
        return score(images=tf.constant(np.asarray(images, np.uint8)))["scores"].numpy()

    # The owner of the variables lives as long as the function.
    run.model = model
    return run
