"""How TensorFlow runs the graphs: its own options file, and the flags on top."""

from __future__ import annotations

from tensorflow.core.protobuf import config_pb2, rewriter_config_pb2

from serving.half_precision import computes_in_bfloat16
from serving.settings import Settings
from serving.text_message import fill_message


def read_session_config(settings: Settings) -> config_pb2.ConfigProto:
    """The options of every session.

    Where neither file nor flags say otherwise there is one thread inside an op and an
    op per core: the most images a second with many callers (design 6). GPUs are never
    touched. Half precision is that of the engine: beside another one TensorFlow stays
    exact.

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
    if settings.engine == "tensorflow" and computes_in_bfloat16(settings):
        rewrites = config.graph_options.rewrite_options
        on = rewriter_config_pb2.RewriterConfig.ON
        rewrites.auto_mixed_precision_onednn_bfloat16 = on
    return config
