"""OpenVINO's runtime in a plain server: Starlette, a request object per thread.

Run: PEER_FOLDER=FOLDER uvicorn tests.benchmark.photo_peers.openvino_app:app
"""

from __future__ import annotations

import os
import threading

import openvino
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.responses import JSONResponse
from starlette.routing import Route

from tests.benchmark.photo_peers.pixels import to_pixels

_model = openvino.Core().compile_model(
    os.path.join(os.environ["PEER_FOLDER"], "openvino", "model.xml"),
    "CPU",
    {"PERFORMANCE_HINT": "THROUGHPUT"},
)
_side = _model.input(0).partial_shape[1].get_length()
_threads = threading.local()


def _score(photo):
    if not hasattr(_threads, "request"):
        _threads.request = _model.create_infer_request()
    outputs = _threads.request.infer(to_pixels(photo, _side)[None])
    return outputs[0][0].tolist()


async def _predict(request):
    scores = await run_in_threadpool(_score, await request.body())
    return JSONResponse({"scores": scores})


app = Starlette(routes=[Route("/predict", _predict, methods=["POST"])])
