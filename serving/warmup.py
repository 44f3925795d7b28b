"""A version's warm-up file: calls that are run before anyone may ask."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator
from pathlib import Path

import tensorflow as tf
from google.protobuf.message import DecodeError
from grpc import StatusCode
from tensorflow_serving.apis import prediction_log_pb2

from serving.classify import run_classify
from serving.errors import ServingError, invalid_argument
from serving.multi_inference import run_multi_inference
from serving.predict import run_predict
from serving.regress import run_regress
from serving.servable import Servable
from serving.tensorflow_errors import translate_error

logger = logging.getLogger(__name__)

# Source: warmup_consts.h of TensorFlow Serving.
WARMUP_FILE = "assets.extra/tf_serving_warmup_requests"
MAX_RECORDS = 1000


def warm_up(servable: Servable, folder: Path, iterations: int) -> int:
    """Run each record of the version's file; return how many there were.

    Args:
        servable: The version, not yet AVAILABLE.
        folder: The version's folder; without a file nothing happens.
        iterations: How often each record is run.

    Raises:
        ServingError: DATA_LOSS for a damaged file, INVALID_ARGUMENT for more than
            MAX_RECORDS or a record of another kind, UNIMPLEMENTED for a
            session_run_log, or what the file system or a record's run said.
    """
    path = folder / WARMUP_FILE
    if not path.exists():
        return 0
    started, count = time.monotonic(), 0
    for log in _read_records(path):
        count += 1
        if count > MAX_RECORDS:
            raise invalid_argument(
                f"Number of warmup records exceeds the maximum ({MAX_RECORDS}) "
                f"at {path}"
            )
        for _ in range(max(1, iterations)):
            _run_record(servable, log)
    logger.info(
        "event=warmed_up folder=%s records=%d seconds=%.3f",
        folder,
        count,
        time.monotonic() - started,
    )
    return count


def _read_records(path: Path) -> Iterator[prediction_log_pb2.PredictionLog]:
    try:
        for record in tf.data.TFRecordDataset(str(path)).as_numpy_iterator():
            yield _parse_record(record, path)
    except tf.errors.DataLossError as error:
        raise ServingError(
            StatusCode.DATA_LOSS,
            f"{error}. Please verify your warmup data is in TFRecord format.",
        ) from error
    except tf.errors.OpError as error:
        raise translate_error(error) from error


def _parse_record(record: bytes, path: Path) -> prediction_log_pb2.PredictionLog:
    try:
        return prediction_log_pb2.PredictionLog.FromString(record)
    except DecodeError as error:
        raise invalid_argument(
            f"Failed to parse warmup record from {path}: {error}"
        ) from error


def _run_record(servable: Servable, log: prediction_log_pb2.PredictionLog) -> None:
    kind = log.WhichOneof("log_type")
    if kind == "predict_log":
        run_predict(servable, log.predict_log.request, None)
    elif kind == "classify_log":
        run_classify(servable, log.classify_log.request, None)
    elif kind == "regress_log":
        run_regress(servable, log.regress_log.request, None)
    elif kind == "multi_inference_log":
        run_multi_inference(servable, log.multi_inference_log.request, None)
    elif kind == "session_run_log":
        raise ServingError(
            StatusCode.UNIMPLEMENTED, "Unsupported log_type for warmup: session_run_log"
        )
    else:
        logger.warning("event=warmup_record_skipped log_type=%s", kind)
