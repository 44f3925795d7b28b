"""Ray Serve: @serve.batch, a replica per core.

Run: python -m tests.benchmark.photo_peers.ray_app FOLDER SIDE PORT
"""

# pylint: disable=import-error  # Ray's serving part lives in the peer's environment

from __future__ import annotations

import asyncio
import os
import sys

import numpy as np
import ray
from ray import serve
from starlette.requests import Request

from tests.benchmark.peers.merging import MAX_BATCH_SIZE, MAX_WAIT_SECONDS
from tests.benchmark.peers.saved_model import load_scorer
from tests.benchmark.photo_peers.pixels import to_pixels

_CORES = os.cpu_count()


@serve.deployment(
    num_replicas=_CORES,
    max_ongoing_requests=4 * MAX_BATCH_SIZE,
    ray_actor_options={"num_cpus": 1},
)
class PhotoClassifier:
    """A photo as the body, scores as JSON."""

    def __init__(self, folder, side):
        self.run, self.side = load_scorer(folder), side

    @serve.batch(max_batch_size=MAX_BATCH_SIZE, batch_wait_timeout_s=MAX_WAIT_SECONDS)
    async def score(self, photos):
        """A row of scores for each of the photos that were merged."""
        images = np.stack([to_pixels(photo, self.side) for photo in photos])
        return (await asyncio.to_thread(self.run, images)).tolist()

    async def __call__(self, request: Request) -> dict:
        return {"scores": await self.score(await request.body())}


def main():
    """Serve until it is ended."""
    folder, side, port = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    ray.init(include_dashboard=False, num_cpus=_CORES)
    serve.start(http_options={"host": "127.0.0.1", "port": port})
    # pylint: disable-next=no-member  # the decorator gives the class this
    serve.run(PhotoClassifier.bind(folder, side), blocking=True)


if __name__ == "__main__":
    main()
