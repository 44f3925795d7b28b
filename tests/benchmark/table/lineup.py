"""Who stands in the table, what is sent to each and where its answer has the scores."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from tests.benchmark.peers.merging import MAX_BATCH_SIZE, MAX_WAIT_SECONDS
from tests.benchmark.table import bodies, launches
from tests.benchmark.table.launches import CORES

_BATCHES = f"batches of {MAX_BATCH_SIZE} or {MAX_WAIT_SECONDS * 1000:.0f} ms"


@dataclass(frozen=True)
class System:
    """One row of the table.

    launch: (network, a folder of its own) -> Launch.
    is_ours: All others are compared with it.
    has_watchdog: Its parent process ends children that it has not heard of; after a
        pause they get a moment to be heard before it goes on.
    """

    title: str
    setup: str
    launch: Callable
    encode: Callable = bodies.plain
    read: Callable = bodies.read_scores
    is_ours: bool = False
    has_watchdog: bool = False


def _ours(title, setup, *flags):
    """This stack; flags are further ones of the model server."""
    return System(
        title=title,
        setup=setup,
        launch=launches.ours(*flags),
        read=bodies.read_predictions,
        is_ours=True,
        has_watchdog=True,
    )


SYSTEMS = {
    "ours": _ours(
        "this stack",
        "gateway and model server, their defaults and serving/batching.config",
    ),
    "ours-bf16": _ours(
        "this stack, bfloat16",
        "the same with --mixed_precision=bfloat16",
        "--mixed_precision=bfloat16",
    ),
    "ours-openvino": _ours(
        "this stack, OpenVINO", "the same with --engine=openvino", "--engine=openvino"
    ),
    "ours-openvino-bf16": _ours(
        "this stack, OpenVINO, bfloat16",
        "the same with --engine=openvino --mixed_precision=bfloat16",
        "--engine=openvino",
        "--mixed_precision=bfloat16",
    ),
    "flask": System(
        title="Flask + `model.predict`",
        setup="as in tutorials: a form's photo, gunicorn, 1 worker",
        launch=launches.gunicorn(1),
        encode=bodies.form,
        has_watchdog=True,
    ),
    "flask-workers": System(
        title="Flask + `model.predict`, workers",
        setup=f"the same, {2 * CORES + 1} workers as gunicorn's documents say",
        launch=launches.gunicorn(2 * CORES + 1),
        encode=bodies.form,
        has_watchdog=True,
    ),
    "bentoml": System(
        title="BentoML",
        setup=f"adaptive batches of at most {MAX_BATCH_SIZE}, 1 worker, JSON base64",
        launch=launches.bentoml,
        encode=bodies.bentoml,
        read=bodies.read_rows,
    ),
    "litserve": System(
        title="LitServe",
        setup=f"{_BATCHES}, {CORES} workers, JSON base64",
        launch=launches.litserve,
        encode=bodies.litserve,
    ),
    "ray": System(
        title="Ray Serve",
        setup=f"{_BATCHES}, {CORES} replicas",
        launch=launches.ray,
    ),
    "kserve": System(
        title="KServe's Python server",
        setup="V1 protocol, JSON base64; one process, no batching",
        launch=launches.kserve,
        encode=bodies.kserve,
        read=bodies.read_rows,
    ),
    "mlserver": System(
        title="MLServer",
        setup=f"Open Inference over HTTP, base64; {_BATCHES}, {CORES} workers",
        launch=launches.mlserver,
        encode=bodies.mlserver,
        read=bodies.read_tensor,
    ),
    "pythie": System(
        title="pythie-serving behind this gateway",
        setup=f"model_platform tensorflow, {CORES} workers",
        launch=launches.pythie,
        read=bodies.read_predictions,
        has_watchdog=True,
    ),
    "openvino": System(
        title="OpenVINO in Starlette",
        setup="uvicorn, 1 process, throughput hint, a request per thread",
        launch=launches.openvino,
    ),
}
