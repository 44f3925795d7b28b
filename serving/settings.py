"""Everything the server can be told: tensorflow_model_server's flags.

The fields are the flags; flags.py reads them from a command line.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Annotated

from grpc import StatusCode

from serving.errors import ServingError, invalid_argument

ANY_FREE_PORT = -1
# gRPC would listen on 34463 when told 99999, and no thread answers no call.
_PORTS, _THREAD_COUNTS = range(ANY_FREE_PORT, 2**16), range(1, 2**15)
_RANGES = {
    "port": _PORTS,
    "rest_api_port": _PORTS,
    "grpc_max_threads": _THREAD_COUNTS,
    "rest_api_num_threads": _THREAD_COUNTS,
}
_CHOICES = {
    "engine": ("tensorflow", "openvino"),
    "mixed_precision": ("", "bfloat16"),
}
_CORES = os.cpu_count() or 1
_THREADS = 4 * _CORES
# TensorFlow Serving has 4 a core. A call here keeps its thread while it waits for its
# batch: with 8 threads 16 callers on 2 cores never fill the next one.
_GRPC_THREADS = max(32, _THREADS)


@dataclass(frozen=True, kw_only=True)
class Settings:  # pylint: disable=too-many-instance-attributes  # one per flag
    """The flags with TensorFlow Serving's names and defaults.

    Ports take ANY_FREE_PORT as well, because 0 is off.
    """

    port: Annotated[int, "gRPC port; 0: off"] = 8500
    grpc_socket_path: Annotated[str, "UNIX socket to listen on as well"] = ""
    rest_api_port: Annotated[int, "HTTP port; 0: off"] = 0
    rest_api_num_threads: Annotated[int, "HTTP threads"] = _THREADS
    rest_api_timeout_in_ms: Annotated[int, "Longest run of an HTTP call"] = 30000
    rest_api_enable_cors_support: Annotated[bool, "Answer with CORS headers"] = False
    enable_batching: Annotated[bool, "Merge concurrent calls"] = False
    batching_parameters_file: Annotated[str, "BatchingParameters as text"] = ""
    enable_per_model_batching_parameters: Annotated[
        bool, "Read batching_params.pbtxt of each version"
    ] = False
    allow_version_labels_for_unavailable_models: Annotated[
        bool, "New labels may point to versions that are not loaded"
    ] = False
    model_config_file: Annotated[str, "ModelServerConfig as text"] = ""
    model_config_file_poll_wait_seconds: Annotated[
        int, "Seconds between two looks at the config file; 0: one look"
    ] = 0
    model_name: Annotated[str, "Name of the one model"] = "default"
    model_base_path: Annotated[str, "Folder above its version folders"] = ""
    num_load_threads: Annotated[int, "Threads that load"] = 0
    num_unload_threads: Annotated[int, "Threads that unload"] = 0
    max_num_load_retries: Annotated[int, "Further attempts after a failed load"] = 5
    load_retry_interval_micros: Annotated[int, "Time between two attempts"] = 60000000
    file_system_poll_wait_seconds: Annotated[
        int, "Seconds between two looks for versions; 0: one look; < 0: none"
    ] = 1
    flush_filesystem_caches: Annotated[bool, "Drop file caches after a load"] = True
    tensorflow_session_parallelism: Annotated[
        int, "Threads in and between ops; 0: one in each, a core each between"
    ] = 0
    tensorflow_intra_op_parallelism: Annotated[int, "Threads inside one op; 0: one"] = 0
    tensorflow_inter_op_parallelism: Annotated[int, "Ops at once; 0: one per core"] = 0
    tensorflow_session_config_file: Annotated[str, "ConfigProto as text"] = ""
    ssl_config_file: Annotated[str, "SSLConfig as text"] = ""
    platform_config_file: Annotated[str, "PlatformConfigMap as text"] = ""
    per_process_gpu_memory_fraction: Annotated[float, "Share of GPU memory"] = 0.0
    saved_model_tags: Annotated[str, "Tags of the meta graph, with commas"] = "serve"
    grpc_channel_arguments: Annotated[str, "Options of the gRPC server, k=v,k=v"] = ""
    grpc_max_threads: Annotated[int, "Threads that answer gRPC calls"] = _GRPC_THREADS
    enable_model_warmup: Annotated[bool, "Run a version's warm-up file"] = True
    num_request_iterations_for_warmup: Annotated[int, "Runs of each record; 0: one"] = 0
    version: Annotated[bool, "Print the versions and end"] = False
    monitoring_config_file: Annotated[str, "MonitoringConfig as text"] = ""
    remove_unused_fields_from_bundle_metagraph: Annotated[bool, "Save memory"] = True
    prefer_tflite_model: Annotated[
        bool, "Serve model.tflite where a version has one"
    ] = False
    num_tflite_pools: Annotated[int, "TFLite calls at once, of each version"] = _CORES
    num_tflite_interpreters_per_pool: Annotated[int, "Interpreters per TFLite pool"] = 1
    enable_signature_method_name_check: Annotated[
        bool, "Predict needs the method name predict"
    ] = False
    xla_cpu_compilation_enabled: Annotated[bool, "Compile for the CPU"] = False
    xla_gpu_compilation_enabled: Annotated[bool, "Compile for the GPU"] = False
    enable_profiler: Annotated[bool, "Serve tensorflow.ProfilerService"] = True
    thread_pool_factory_config_file: Annotated[str, "ThreadPoolConfig as text"] = ""
    mixed_precision: Annotated[
        str, "bfloat16: compute in half the bits where the processor can"
    ] = ""
    skip_initialize_tpu: Annotated[bool, "Leave a TPU alone"] = False
    enable_grpc_healthcheck_service: Annotated[bool, "Serve grpc.health.v1"] = False
    enable_serialization_as_tensor_content: Annotated[
        bool, "Numbers of an answer as bytes"
    ] = False
    use_alts_credentials: Annotated[bool, "Google's transport security"] = False
    log_requests: Annotated[
        bool, "A log line for each call; TensorFlow Serving has no such flag"
    ] = False
    engine: Annotated[
        str,
        "tensorflow, or openvino to run graphs; TensorFlow Serving has no such flag",
    ] = "tensorflow"

    def check(self) -> None:
        """Refuse flags that contradict each other or would weaken what was asked for.

        Raises:
            ServingError: INVALID_ARGUMENT, or UNIMPLEMENTED for ALTS.
        """
        if not self.port and not self.grpc_socket_path:
            raise invalid_argument(
                "At least one of server_options.grpc_port or "
                "server_options.grpc_socket_path must be set."
            )
        self._check_values()
        if self.batching_parameters_file and not self.enable_batching:
            raise invalid_argument(
                "server_options.batching_parameters_file is set without setting "
                "server_options.enable_batching to true."
            )
        if min(
            self.tensorflow_session_parallelism,
            self.tensorflow_intra_op_parallelism,
            self.tensorflow_inter_op_parallelism,
        ):
            raise invalid_argument(
                "expected tensorflow_session_parallelism or intra and inter op "
                "parallelism, received all three"
            )
        if self.ssl_config_file and self.use_alts_credentials:
            raise invalid_argument(
                "expected ssl_config_file or use_alts_credentials, received both"
            )
        if self.use_alts_credentials:
            raise ServingError(
                StatusCode.UNIMPLEMENTED,
                "ALTS is not served here, and the port would be open to all; "
                "--ssl_config_file gives TLS",
            )

    def _check_values(self) -> None:
        for name, allowed in _RANGES.items():
            if getattr(self, name) not in allowed:
                raise invalid_argument(
                    f"--{name} expected {allowed[0]} to {allowed[-1]}, "
                    f"received {getattr(self, name)}"
                )
        for name, choices in _CHOICES.items():
            if getattr(self, name) not in choices:
                raise invalid_argument(
                    f"--{name} expected one of {choices}, received "
                    f"{getattr(self, name)!r}"
                )


# Accepted as TensorFlow Serving accepts them; so far they change nothing here.
WITHOUT_EFFECT = frozenset(
    {
        "num_load_threads",
        "num_unload_threads",
        "flush_filesystem_caches",
        "platform_config_file",
        "per_process_gpu_memory_fraction",
        "remove_unused_fields_from_bundle_metagraph",
        "num_tflite_interpreters_per_pool",
        "xla_cpu_compilation_enabled",
        "xla_gpu_compilation_enabled",
        "enable_profiler",
        "thread_pool_factory_config_file",
        "skip_initialize_tpu",
    }
)
