"""BatchingParameters in protobuf text, as batching_parameters_file holds them.

The message is declared here because tensorflow-serving-api does not ship it.
"""

from __future__ import annotations

from google.protobuf import (
    descriptor_pb2,
    descriptor_pool,
    message_factory,
    wrappers_pb2,
)

from serving.batch_queue import BatchingParameters
from serving.errors import invalid_argument
from serving.text_message import fill_message

_FIELD = descriptor_pb2.FieldDescriptorProto
_INT64, _BOOL = ".google.protobuf.Int64Value", ".google.protobuf.BoolValue"
# Source: tensorflow_serving/servables/tensorflow/session_bundle_config.proto; text
# files need the names only.
_WRAPPED = {
    "max_batch_size": _INT64,
    "batch_timeout_micros": _INT64,
    "max_enqueued_batches": _INT64,
    "num_batch_threads": _INT64,
    "thread_pool_name": ".google.protobuf.StringValue",
    "max_execution_batch_size": _INT64,
    "enable_large_batch_splitting": _BOOL,
}
_BARE = {
    "allowed_batch_sizes": (_FIELD.TYPE_INT64, _FIELD.LABEL_REPEATED),
    "pad_variable_length_inputs": (_FIELD.TYPE_BOOL, _FIELD.LABEL_OPTIONAL),
}
# Source: tensorflow_serving/model_servers/server.cc.
_POOL_WITHOUT_FILE = "model_server_batch_threads"
_LEAST = {
    "max_batch_size": 1,
    "batch_timeout_micros": 0,
    "max_enqueued_batches": 1,
    "num_batch_threads": 1,
}


def read_batching_file(path: str) -> BatchingParameters:
    """The parameters in a file; what it leaves out has the default.

    Without a path all have, but for the name of the threads.

    Raises:
        ServingError: As fill_message; INVALID_ARGUMENT for impossible values.
    """
    if not path:
        return BatchingParameters(thread_pool_name=_POOL_WITHOUT_FILE)
    message = _declare()()
    fill_message(path, message)
    given = {
        name: getattr(message, name).value
        for name in _WRAPPED
        if message.HasField(name)
    }
    return _checked(
        BatchingParameters(
            **given,
            allowed_batch_sizes=tuple(message.allowed_batch_sizes),
            pad_variable_length_inputs=message.pad_variable_length_inputs,
        )
    )


def _declare() -> type:
    """The message class, in a pool of its own."""
    file = descriptor_pb2.FileDescriptorProto(
        name="batching_parameters.proto",
        package="tensorflow.serving",
        syntax="proto3",
        dependency=[wrappers_pb2.DESCRIPTOR.name],
    )
    message = file.message_type.add(name="BatchingParameters")
    for number, (name, kind) in enumerate(_WRAPPED.items(), start=1):
        message.field.add(
            name=name,
            number=number,
            label=_FIELD.LABEL_OPTIONAL,
            type=_FIELD.TYPE_MESSAGE,
            type_name=kind,
        )
    for number, (name, (kind, label)) in enumerate(_BARE.items(), start=50):
        message.field.add(name=name, number=number, label=label, type=kind)
    pool = descriptor_pool.DescriptorPool()
    pool.AddSerializedFile(wrappers_pb2.DESCRIPTOR.serialized_pb)
    pool.Add(file)
    found = pool.FindMessageTypeByName("tensorflow.serving.BatchingParameters")
    return message_factory.GetMessageClass(found)


def _checked(parameters: BatchingParameters) -> BatchingParameters:
    for name, bound in _LEAST.items():
        if getattr(parameters, name) < bound:
            raise invalid_argument(
                f"{name} expected at least {bound}, "
                f"received {getattr(parameters, name)}"
            )
    execution = parameters.rows_per_run
    if not 1 <= execution <= parameters.max_batch_size:
        raise invalid_argument(
            "max_execution_batch_size expected 1 to max_batch_size "
            f"({parameters.max_batch_size}), received {execution}"
        )
    _check_sizes(parameters.allowed_batch_sizes, parameters.max_batch_size)
    return parameters


def _check_sizes(sizes: tuple[int, ...], largest: int) -> None:
    if list(sizes) != sorted(set(sizes)):
        raise invalid_argument(
            f"allowed_batch_sizes expected increasing sizes, received {list(sizes)}"
        )
    if sizes and sizes[-1] != largest:
        raise invalid_argument(
            "Last entry in allowed_batch_sizes must match max_batch_size; "
            f"last entry was {sizes[-1]}; expected {largest}"
        )
