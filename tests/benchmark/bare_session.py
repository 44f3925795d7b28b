"""The limit: a frozen session fed full batches from memory, both cores busy.

Made for a process of its own (own_process.py), as the server has one. No gRPC, no
queue. The session's threads are set as the server sets them.
"""

from __future__ import annotations

import functools
import os
import time

import numpy as np
import tensorflow as tf

from tests.benchmark import closed_loop

BATCH_SIZES = (1, 2, 4, 8, 16, 32)


@functools.cache
def load(folder, intra_op_threads=1):
    """A callable from uint8 images to scores; loaded once per process."""
    config = tf.compat.v1.ConfigProto(
        intra_op_parallelism_threads=intra_op_threads,
        inter_op_parallelism_threads=os.cpu_count(),
    )
    session = tf.compat.v1.Session(graph=tf.Graph(), config=config)
    with session.graph.as_default():
        tags = [tf.saved_model.SERVING]
        tf.compat.v1.saved_model.load(session, tags, str(folder))
    return session.make_callable("scores:0", feed_list=["images:0"])


def images_per_second(folder, images, batch_size, seconds):
    """Run batches for about that long, one worker per core."""
    run, cores = load(folder), os.cpu_count()
    batches = [
        np.resize(np.roll(images, -core, axis=0), (batch_size, *images.shape[1:]))
        for core in range(cores)
    ]

    def make_step(core):
        def step(_):
            run(batches[core])
            return batch_size

        return step

    return closed_loop.images_per_second(make_step, cores, seconds)


def best_batch_size(folder, images, seconds):
    """The batch size with which this machine is fastest."""
    speeds = {
        size: images_per_second(folder, images, size, seconds) for size in BATCH_SIZES
    }
    return max(speeds, key=speeds.get)


def run_seconds(folder, image, count):
    """The times of that many runs of one image, one after the other."""
    run, times = load(folder), []
    for _ in range(count):
        start = time.perf_counter()
        run(image)
        times.append(time.perf_counter() - start)
    return times
