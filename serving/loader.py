"""From a version folder to a servable that has been warmed up."""

from __future__ import annotations

from pathlib import Path

from serving.batching import Batcher, ModelBatcher
from serving.batching_config import read_batching_file
from serving.errors import ServingError
from serving.saved_model import SessionOptions, load_saved_model
from serving.servable import Servable
from serving.settings import Settings
from serving.warmup import warm_up

# Source: tensorflow_serving/servables/tensorflow/bundle_factory_util.cc.
BATCHING_FILE = "batching_params.pbtxt"


def load_servable(
    settings: Settings, batcher: Batcher | None, folder: Path
) -> Servable:
    """Load, then run the warm-up file, so that the first caller does not pay.

    Raises:
        ServingError: The folder holds no model that loads, its batching parameters do
            not parse, or its warm-up failed.
    """
    shared = settings.tensorflow_session_parallelism
    # One thread inside an op, an op per core: the most images a second with many
    # callers (design 6).
    options = SessionOptions(
        intra_op_threads=shared or settings.tensorflow_intra_op_parallelism or 1,
        inter_op_threads=shared or settings.tensorflow_inter_op_parallelism,
    )
    queues = _open_queues(settings, batcher, folder)
    tags = settings.saved_model_tags.split(",")
    servable = Servable(
        load_saved_model(folder, tags, options),
        queues,
        settings.enable_signature_method_name_check,
    )
    if settings.enable_model_warmup:
        try:
            warm_up(servable, folder, settings.num_request_iterations_for_warmup)
        except ServingError:
            servable.close()
            raise
    return servable


def _open_queues(
    settings: Settings, batcher: Batcher | None, folder: Path
) -> ModelBatcher | None:
    """What the version is run through; None: each call is a run.

    Where versions bring their own parameters, one without them is not batched; the
    threads are everybody's in any case.
    """
    if batcher is None:
        return None
    if not settings.enable_per_model_batching_parameters:
        return batcher.for_model()
    path = folder / BATCHING_FILE
    if not path.exists():
        return None
    return batcher.for_model(read_batching_file(str(path)))
