"""The text files of the model servers are what TensorFlow Serving would accept."""

from __future__ import annotations

import pytest
from google.protobuf import (
    descriptor_pb2,
    descriptor_pool,
    message_factory,
    text_format,
)

from serving.batching_config import read_batching_file
from tests.manifests.rendered import ROOT

FIELD = descriptor_pb2.FieldDescriptorProto


def parse_monitoring(text):
    """The PrometheusConfig of a MonitoringConfig text.

    Source: tensorflow_serving/config/monitoring_config.proto; the package on the
    registry does not ship it.
    """
    file = descriptor_pb2.FileDescriptorProto(
        name="monitoring.proto", package="test", syntax="proto3"
    )
    prometheus = file.message_type.add(name="PrometheusConfig")
    prometheus.field.add(name="enable", number=1, type=FIELD.TYPE_BOOL, label=1)
    prometheus.field.add(name="path", number=2, type=FIELD.TYPE_STRING, label=1)
    monitoring = file.message_type.add(name="MonitoringConfig")
    monitoring.field.add(
        name="prometheus_config",
        number=1,
        type=FIELD.TYPE_MESSAGE,
        label=1,
        type_name=".test.PrometheusConfig",
    )
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    found = pool.FindMessageTypeByName("test.MonitoringConfig")
    message = message_factory.GetMessageClass(found)()
    return text_format.Parse(text, message).prometheus_config


def test_monitoring():
    """Metrics are on, at the path that TensorFlow Serving has by default."""
    text = (ROOT / "serving" / "monitoring.config").read_text(encoding="utf-8")

    config = parse_monitoring(text)

    assert config.enable is True
    assert config.path == "/monitoring/prometheus/metrics"


def test_monitoring_parser_is_strict():
    """A misspelt field is an error, so the test above can fail."""
    with pytest.raises(text_format.ParseError):
        parse_monitoring("prometheus_config { enabled: true }")


def test_batching():
    """The file parses, and no run takes more pictures than a call may bring."""
    parameters = read_batching_file(str(ROOT / "serving" / "batching.config"))

    assert 1 < parameters.max_execution_batch_size <= parameters.max_batch_size
