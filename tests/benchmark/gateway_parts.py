"""The gateway's rooms called one by one: the processor time that each takes.

Made for a process of its own (own_process.py), on one core. Milliseconds a photo.
"""

from __future__ import annotations

import json
import time

import numpy as np

from gateway.classification import Classification
from gateway.deadline import Deadline
from gateway.image import decode_image
from gateway.model_client import ModelClient
from gateway.prediction import PredictionReply
from gateway.targets import ServedModel, Target
from gateway.timings import Stopwatch
from tests.tiny_model import tiny_contract

_DEADLINE_SECONDS = 30.0
_REQUEST_ID = "0123456789abcdef0123456789abcdef"


def decode_milliseconds(photos, size):
    """Bytes to pixels in the size, (height, width)."""
    return _milliseconds(lambda photo: decode_image(photo, size), photos)


def grpc_milliseconds(address, model, photos, size):
    """Pixels to scores; the threads that gRPC starts are counted."""
    batches = [decode_image(photo, size)[np.newaxis] for photo in photos]
    target, deadline = Target(model), Deadline.after(_DEADLINE_SECONDS)
    client = ModelClient(address)
    try:
        client.predict(target, batches[0], deadline)
        return _milliseconds(
            lambda batch: client.predict(target, batch, deadline), batches
        )
    finally:
        client.close()


def json_milliseconds(classes, count, top=None):
    """Scores to the text of the reply, for so many classes, of which top are told."""
    labels = [f"class {number}" for number in range(classes)]
    served = ServedModel("tiny", 1, tiny_contract(labels))
    noise = np.random.default_rng(5).random((count, classes), np.float32)
    return _milliseconds(lambda scores: _write_reply(served, scores[None], top), noise)


def _write_reply(served, scores, top):
    timings = Stopwatch().read()
    timings.to_header()
    answer = Classification(served, scores)
    reply = PredictionReply.from_classification(answer, top=top)
    return json.dumps(reply.to_json(_REQUEST_ID, timings))


def _milliseconds(work, pieces):
    start = time.process_time()
    for piece in pieces:
        work(piece)
    return 1000 * (time.process_time() - start) / len(pieces)
