"""Shapes that would end the process: the server refuses or answers, and lives."""

from __future__ import annotations

from types import SimpleNamespace

import grpc
import numpy as np
import pytest

from tests.integration.forked_server import fork_server
from tests.integration.kernel_models import (
    IMAGES,
    KERNELS,
    build_kernel,
    write_tf2_convolution,
)
from tests.integration.serving_calls import (
    call,
    predict,
    predict_request,
)
from tests.integration.serving_models import write_graph

SHAPES = [
    (),
    (0,),
    (3,),
    (2, 2),
    (0, 2),
    (2, 0),
    (4, 4, 2),
    (0, 4, 2),
    (1, 4, 4, 2),
    (0, 4, 4, 2),
    (1, 0, 4, 2),
    (1, 4, 4, 0),
    (1, 4, 4, 3),
    (0, 0, 0, 0),
    (1, 4, 4, 4, 2),
    (0, 4, 4, 4, 2),
    (1, 4, 0, 4, 2),
    (1, 1, 2, 2, 2, 2, 2),
    (0, 2**20, 2, 2),
]


# Each model and the shape it is made for; any_: it does not declare its rank.
MODELS = {
    **{name: shape for name, (_, shape) in KERNELS.items()},
    **{f"any_{name}": shape for name, (_, shape) in KERNELS.items()},
    "any_tf2": IMAGES,
}


@pytest.fixture(name="process", scope="module")
def _process(tmp_path_factory):
    """A server of its own with a model per kernel; it must not take pytest with it."""
    folder = tmp_path_factory.mktemp("models")
    config = folder / "models.config"
    for name in KERNELS:
        write_graph(folder / name / "1", build_kernel(name))
        write_graph(folder / f"any_{name}" / "1", build_kernel(name, has_rank=False))
    write_tf2_convolution(folder / "any_tf2" / "1")
    with config.open("w", encoding="utf-8") as file:
        file.write("model_config_list {\n")
        for name in MODELS:
            file.write(
                f'config {{ name: "{name}" base_path: "{folder / name}" '
                'model_platform: "tensorflow" }\n'
            )
        file.write("}\n")
    with fork_server(f"--model_config_file={config}") as (process, fields):
        yield process, SimpleNamespace(grpc_port=int(fields["grpc_port"]))


@pytest.mark.parametrize("name", MODELS)
def test_odd_shapes(process, name):
    """Whatever the shape, each call is answered and the next good one, too."""
    running, server = process
    good = np.ones(MODELS[name], np.float32)

    for shape in SHAPES:
        answer = call(
            server, "Predict", predict_request(name, x=np.ones(shape, np.float32))
        )
        code = answer[0] if isinstance(answer, tuple) else grpc.StatusCode.OK
        assert code is not grpc.StatusCode.UNAVAILABLE, shape
        assert code is not grpc.StatusCode.INTERNAL, shape
        assert running.poll() is None, shape

    assert predict(server, name, x=good)[1]["y"].size


@pytest.mark.parametrize("sides", [[2**31, 0], [0, 2**62], [2**20, 2**20], [2**40]])
def test_huge_shapes(process, sides):
    """A shape out of all proportion to its few bytes is refused before anything."""
    running, server = process
    request = predict_request("matmul", x=np.ones((1, 2), np.float32))
    tensor = request.inputs["x"]
    tensor.ClearField("tensor_content")
    tensor.float_val.append(1.0)
    for dim, side in zip(tensor.tensor_shape.dim, (*sides, 1), strict=False):
        dim.size = side

    answer = call(server, "Predict", request)

    assert answer == (
        grpc.StatusCode.INVALID_ARGUMENT,
        "tensor parsing error: x",
    )
    assert running.poll() is None
