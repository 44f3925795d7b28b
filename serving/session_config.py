"""How TensorFlow runs the graphs: its own options file, and the flags on top."""

from __future__ import annotations

from tensorflow.core.protobuf import config_pb2

from serving.settings import Settings
from serving.text_message import fill_message


def read_session_config(settings: Settings) -> config_pb2.ConfigProto:
    """The options of every session.

    Where neither file nor flags say otherwise there is one thread inside an op and an
    op per core: the most images a second with many callers (design 6). GPUs are never
    touched.

    Raises:
        ServingError: As fill_message.
    """
    config = config_pb2.ConfigProto()
    if settings.tensorflow_session_config_file:
        fill_message(settings.tensorflow_session_config_file, config)
    config.device_count["GPU"] = 0
    shared = settings.tensorflow_session_parallelism
    config.intra_op_parallelism_threads = (
        shared
        or settings.tensorflow_intra_op_parallelism
        or config.intra_op_parallelism_threads
        or 1
    )
    config.inter_op_parallelism_threads = (
        shared
        or settings.tensorflow_inter_op_parallelism
        or config.inter_op_parallelism_threads
    )
    return config
