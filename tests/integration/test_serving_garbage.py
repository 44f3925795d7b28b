"""What a call held is free when it is answered, without the garbage collector's help.

The collector comes after so many objects, however large they are: pictures and answers
that wait for it are hundreds of MB.
"""

from __future__ import annotations

import gc
from types import FrameType, TracebackType

import numpy as np
import pytest

from serving.served_model import ModelConfig
from tests.integration.raw_http import ask, write_head, write_post
from tests.integration.serving_calls import (
    open_channel,
    predict_request,
    prediction_service_pb2_grpc,
)
from tests.integration.serving_models import (
    build_check,
    build_half_plus,
    build_join,
    write_graph,
)

_PACKAGES = ("serving.", "flask.", "werkzeug.", "waitress.")
_TEXT = np.array([b"a"], np.object_)
MESSAGES = {
    "good": predict_request("half", x=np.float32([1])),
    "unknown model": predict_request("none", x=np.float32([1])),
    "wrong name": predict_request("half", z=np.float32([1])),
    "wrong dtype": predict_request("half", x=np.float64([1])),
    "refused by the graph": predict_request("check", x=np.float32([-1])),
    "output without rows": predict_request("join", left=_TEXT, right=_TEXT),
}
REQUESTS = {
    "good": write_post("/v1/models/half:predict"),
    "unknown model": write_post("/v1/models/none:predict"),
    "not JSON": write_post("/v1/models/half:predict", body=b"["),
    "wrong dtype": write_post("/v1/models/half:predict", body=b'{"instances": ["a"]}'),
    "both forms": write_post(
        "/v1/models/half:predict",
        body=b'{"inputs": 1, "instances": [%s1]}' % (b"1, " * 2000),
    ),
    "refused by the graph": write_post(
        "/v1/models/check:predict", body=b'{"instances": [-1]}'
    ),
    "status": write_head("GET /v1/models/half HTTP/1.1"),
    "malformed": write_head("GET /v1/ HTTP/1.1"),
    "not found": write_head("GET / HTTP/1.1"),
}


@pytest.fixture(
    name="server",
    scope="module",
    params=["", "max_batch_size { value: 8 }", "batch_timeout_micros { value: 1 }"],
    ids=["alone", "batched at once", "batched"],
)
def _server(request, start_model_server, tmp_path_factory):
    """half, check and join, with and without batches."""
    folder = tmp_path_factory.mktemp("models")
    write_graph(folder / "half" / "1", build_half_plus(0))
    write_graph(folder / "check" / "1", build_check)
    write_graph(folder / "join" / "1", build_join)
    batching = folder / "batching.config"
    batching.write_text(request.param)
    flags = {"enable_batching": True, "batching_parameters_file": str(batching)}
    return start_model_server(
        configs=[
            ModelConfig(name=name, base_path=str(folder / name))
            for name in ("half", "check", "join")
        ],
        **(flags if request.param else {}),
    )


@pytest.fixture(name="find_kept")
def _find_kept():
    """A function that makes a call twice: what the second one left to the collector."""

    def find(call):
        call()
        gc.collect()
        gc.disable()
        gc.set_debug(gc.DEBUG_SAVEALL)
        call()
        gc.collect()
        return [
            kept
            for kept in gc.garbage
            if isinstance(kept, FrameType | TracebackType)
            or type(kept).__module__.startswith(_PACKAGES)
            or (isinstance(kept, list) and len(kept) > 1000)
        ]

    yield find
    gc.set_debug(0)
    gc.garbage.clear()
    gc.enable()


@pytest.mark.parametrize("message", MESSAGES.values(), ids=MESSAGES)
def test_grpc(server, find_kept, message):
    """A Predict call, answered or refused, leaves nothing."""
    with open_channel(server) as channel:
        stub = prediction_service_pb2_grpc.PredictionServiceStub(channel)

        kept = find_kept(lambda: stub.Predict.future(message, timeout=30).exception())

    assert not kept


@pytest.mark.parametrize("request_bytes", REQUESTS.values(), ids=REQUESTS)
def test_rest(server, find_kept, request_bytes):
    """An HTTP request, answered or refused, leaves nothing."""
    kept = find_kept(lambda: ask(server.rest_port, request_bytes))

    assert not kept
