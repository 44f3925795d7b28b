"""Requests of the Open Inference Protocol, made where its messages are installed.

Run: python -m tests.benchmark.peers.open_inference IMAGES.npy REQUESTS.npy
"""

# pylint: disable=import-error  # installed in the environment of the peer alone

from __future__ import annotations

import sys

import numpy as np
from mlserver.grpc.dataplane_pb2 import ModelInferRequest


def serialize_request(image):
    """One uint8 image as a batch of one, in raw bytes."""
    request = ModelInferRequest(model_name="classifier")
    request.inputs.add(name="images", datatype="UINT8", shape=[1, *image.shape])
    request.raw_input_contents.append(image.tobytes())
    return request.SerializeToString()


if __name__ == "__main__":
    # Images of one size make requests of one length: a row each.
    requests = [serialize_request(image) for image in np.load(sys.argv[1])]
    np.save(sys.argv[2], np.array([list(each) for each in requests], np.uint8))
