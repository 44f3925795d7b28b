"""The limit: decode and the frozen network in one process, both cores busy.

No HTTP, no gRPC, no queue: what the machine gives when pictures come from memory.
"""

from __future__ import annotations

import os

import numpy as np
import tensorflow as tf

from gateway.image import decode_image
from tests.benchmark import closed_loop


class BareModel:
    """One session over an exported version folder; one worker thread per core.

    Each worker decodes a batch and runs it, again and again; the session's own
    threads are set as the embedded server sets them.
    """

    def __init__(self, folder, size):
        cores = os.cpu_count()
        config = tf.compat.v1.ConfigProto(
            intra_op_parallelism_threads=1, inter_op_parallelism_threads=cores
        )
        self._size = size
        self._cores = cores
        self._session = tf.compat.v1.Session(graph=tf.Graph(), config=config)
        with self._session.graph.as_default():
            tags = [tf.saved_model.SERVING]
            tf.compat.v1.saved_model.load(self._session, tags, str(folder))
        self._run = self._session.make_callable("scores:0", feed_list=["images:0"])

    def images_per_second(self, pictures, batch_size, seconds):
        """Decode and classify for about that long; each worker has its own batches."""

        def make_step(core):
            def step(round_number):
                first = (round_number * self._cores + core) * batch_size
                self._classify(pictures, first, batch_size)
                return batch_size

            return step

        return closed_loop.images_per_second(make_step, self._cores, seconds)

    def best_batch_size(self, pictures, seconds):
        """The batch size of 1 to 32 with which this machine is fastest."""
        speeds = {
            size: self.images_per_second(pictures, size, seconds)
            for size in (1, 4, 8, 16, 32)
        }
        return max(speeds, key=speeds.get)

    def _classify(self, pictures, position, batch_size):
        chosen = [pictures[(position + i) % len(pictures)] for i in range(batch_size)]
        self._run(np.stack([decode_image(data, self._size) for data in chosen]))
