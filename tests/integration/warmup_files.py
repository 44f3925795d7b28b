"""Warm-up files for the signatures of example_models.build_counter."""

from __future__ import annotations

import numpy as np
import tensorflow as tf
from tensorflow_serving.apis import (
    classification_pb2,
    prediction_log_pb2,
    regression_pb2,
)

from serving.warmup import WARMUP_FILE
from tests.integration.example_models import CLASSIFY, REGRESS
from tests.integration.serving_calls import (
    examples_request,
    fill_input,
    predict_request,
)

# Model names and versions of records do not matter.
NAME = "somebody"


def write_warmup(folder, *logs):
    """Write the folder's warm-up file; return its path."""
    path = folder / WARMUP_FILE
    path.parent.mkdir(exist_ok=True)
    with tf.io.TFRecordWriter(str(path)) as writer:
        for log in logs:
            writer.write(log.SerializeToString())
    return path


def predict_log(*rows):
    """A record of Predict over serialized examples."""
    inputs = np.array([row.SerializeToString() for row in rows], np.object_)
    log = prediction_log_pb2.PredictionLog()
    log.predict_log.request.CopyFrom(predict_request(NAME, version=99, inputs=inputs))
    return log


def classify_log(*rows):
    """A record of Classify."""
    log = prediction_log_pb2.PredictionLog()
    request = examples_request(
        classification_pb2.ClassificationRequest, NAME, rows, signature="classify"
    )
    log.classify_log.request.CopyFrom(request)
    return log


def regress_log(*rows):
    """A record of Regress."""
    log = prediction_log_pb2.PredictionLog()
    request = examples_request(regression_pb2.RegressionRequest, NAME, rows, version=99)
    log.regress_log.request.CopyFrom(request)
    return log


def multi_inference_log(*rows):
    """A record of MultiInference with two tasks."""
    log = prediction_log_pb2.PredictionLog()
    request = log.multi_inference_log.request
    for signature, method in (("classify", CLASSIFY), ("", REGRESS)):
        task = request.tasks.add(method_name=method)
        task.model_spec.name = NAME
        task.model_spec.signature_name = signature
    fill_input(request.input, rows)
    return log


LOGS = (predict_log, classify_log, regress_log, multi_inference_log)
