"""The messages of TensorFlow Serving's text files that tensorflow-serving-api lacks.

Field numbers are the originals'; text files need the names only.
"""

from __future__ import annotations

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
from google.protobuf.message import Message

_PACKAGE = "tensorflow.serving"
_FIELD = descriptor_pb2.FieldDescriptorProto
_BOOL, _STRING = _FIELD.TYPE_BOOL, _FIELD.TYPE_STRING
# Source: monitoring_config.proto and ssl_config.proto in tensorflow_serving/config.
_FIELDS: dict[str, dict[str, int | str]] = {
    "PrometheusConfig": {"enable": _BOOL, "path": _STRING},
    "MonitoringConfig": {"prometheus_config": "PrometheusConfig"},
    "SSLConfig": {
        "server_key": _STRING,
        "server_cert": _STRING,
        "custom_ca": _STRING,
        "client_verify": _BOOL,
    },
}


def create_message(name: str) -> Message:
    """An empty message of the declared kind, MonitoringConfig for example."""
    found = _declare().FindMessageTypeByName(f"{_PACKAGE}.{name}")
    return message_factory.GetMessageClass(found)()


def _declare() -> descriptor_pool.DescriptorPool:
    """All of them in a pool of their own, which no other package can clash with."""
    file = descriptor_pb2.FileDescriptorProto(
        name="serving_config.proto", package=_PACKAGE, syntax="proto3"
    )
    for name, fields in _FIELDS.items():
        message = file.message_type.add(name=name)
        for number, (field, kind) in enumerate(fields.items(), start=1):
            added = message.field.add(
                name=field, number=number, label=_FIELD.LABEL_OPTIONAL
            )
            if isinstance(kind, str):
                added.type = _FIELD.TYPE_MESSAGE
                added.type_name = f".{_PACKAGE}.{kind}"
            else:
                added.type = kind
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return pool
