"""From a version folder to a servable that has been warmed up."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from grpc import StatusCode
from tensorflow.core.protobuf import config_pb2

from serving.batching import Batcher
from serving.batching_config import read_batching_file
from serving.errors import ServingError
from serving.metrics import Metrics
from serving.model_batcher import ModelBatcher
from serving.openvino_engine import OpenVinoEngine
from serving.openvino_model import take_over
from serving.saved_model import SessionOptions, load_saved_model
from serving.servable import Servable
from serving.settings import Settings
from serving.warmup import WARMUP_FILE, warm_up

if TYPE_CHECKING:
    from serving.servable import Model

# Source: tensorflow_serving/servables/tensorflow/bundle_factory_util.cc.
BATCHING_FILE = "batching_params.pbtxt"
# Source: the description of TensorFlow Serving's --prefer_tflite_model.
TFLITE_FILE = "model.tflite"


@dataclass(frozen=True, kw_only=True)
class LoadOptions:
    """What is the same for every version that is loaded."""

    settings: Settings = Settings()
    session_config: config_pb2.ConfigProto = field(
        default_factory=config_pb2.ConfigProto
    )
    batcher: Batcher | None = None
    engine: OpenVinoEngine | None = None
    metrics: Metrics = field(default_factory=Metrics)


def load_servable(options: LoadOptions, folder: Path) -> Servable:
    """Load, then run the warm-up file, so that the first caller does not pay.

    Raises:
        ServingError: The folder holds no model that loads, its batching parameters do
            not parse, or its warm-up failed.
    """
    settings = options.settings
    queues = _open_queues(settings, options.batcher, folder)
    servable = Servable(
        _load_noted(options, folder),
        queues,
        settings.enable_signature_method_name_check,
    )
    if settings.enable_model_warmup:
        try:
            _warm_up_noted(options, servable, folder)
        except ServingError:
            servable.close()
            raise
    return servable


def _load_noted(options: LoadOptions, folder: Path) -> Model:
    started, is_loaded = time.perf_counter(), False
    try:
        model = _load(options, folder)
        is_loaded = True
    finally:
        seconds = time.perf_counter() - started
        options.metrics.note_load(folder, seconds, is_loaded)
    return model


def _load(options: LoadOptions, folder: Path) -> Model:
    settings, metrics = options.settings, options.metrics
    if settings.prefer_tflite_model and (folder / TFLITE_FILE).exists():
        # Its library is read by those alone who ask for it.
        # pylint: disable-next=import-outside-toplevel  # see above
        from serving.tflite_model import load_tflite

        return load_tflite(folder / TFLITE_FILE, settings.num_tflite_pools)
    session = SessionOptions(config=options.session_config, note_run=metrics.note_run)
    model = load_saved_model(folder, settings.saved_model_tags.split(","), session)
    if options.engine is None:
        return model
    return take_over(model, options.engine, folder, metrics.note_openvino_run)


def _warm_up_noted(options: LoadOptions, servable: Servable, folder: Path) -> None:
    if not (folder / WARMUP_FILE).exists():
        return
    started, records, code = time.perf_counter(), 0, StatusCode.OK
    iterations = options.settings.num_request_iterations_for_warmup
    try:
        records = warm_up(servable, folder, iterations)
    except ServingError as error:
        code = error.code
        raise
    finally:
        seconds = time.perf_counter() - started
        options.metrics.note_warmup(folder, records, seconds, code)


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
