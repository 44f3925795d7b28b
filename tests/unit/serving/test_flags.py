"""The command line: tensorflow_model_server's flags, syntax and defaults."""

from __future__ import annotations

import os
from dataclasses import fields

import pytest
from grpc import StatusCode

from serving.errors import ServingError
from serving.flags import UnreadableFlag, describe_usage, describe_version, read_flags
from serving.settings import WITHOUT_EFFECT, Settings

CORES = os.cpu_count()
# Source: tensorflow_serving/model_servers/main.cc, release 2.20.
DEFAULTS = {
    "port": 8500,
    "grpc_socket_path": "",
    "rest_api_port": 0,
    "rest_api_num_threads": 4 * CORES,
    "rest_api_timeout_in_ms": 30000,
    "rest_api_enable_cors_support": False,
    "enable_batching": False,
    "batching_parameters_file": "",
    "enable_per_model_batching_parameters": False,
    "allow_version_labels_for_unavailable_models": False,
    "model_config_file": "",
    "model_config_file_poll_wait_seconds": 0,
    "model_name": "default",
    "model_base_path": "",
    "num_load_threads": 0,
    "num_unload_threads": 0,
    "max_num_load_retries": 5,
    "load_retry_interval_micros": 60000000,
    "file_system_poll_wait_seconds": 1,
    "flush_filesystem_caches": True,
    "tensorflow_session_parallelism": 0,
    "tensorflow_intra_op_parallelism": 0,
    "tensorflow_inter_op_parallelism": 0,
    "tensorflow_session_config_file": "",
    "ssl_config_file": "",
    "platform_config_file": "",
    "per_process_gpu_memory_fraction": 0.0,
    "saved_model_tags": "serve",
    "grpc_channel_arguments": "",
    "grpc_max_threads": max(32, 4 * CORES),
    "enable_model_warmup": True,
    "num_request_iterations_for_warmup": 0,
    "version": False,
    "monitoring_config_file": "",
    "remove_unused_fields_from_bundle_metagraph": True,
    "prefer_tflite_model": False,
    "num_tflite_pools": CORES,
    "num_tflite_interpreters_per_pool": 1,
    "enable_signature_method_name_check": False,
    "xla_cpu_compilation_enabled": False,
    "xla_gpu_compilation_enabled": False,
    "enable_profiler": True,
    "thread_pool_factory_config_file": "",
    "mixed_precision": "",
    "skip_initialize_tpu": False,
    "enable_grpc_healthcheck_service": False,
    "enable_serialization_as_tensor_content": False,
    "use_alts_credentials": False,
    "log_requests": False,
    "engine": "tensorflow",
}


def test_defaults():
    """Without arguments every flag has TensorFlow Serving's default."""
    settings = read_flags([]).settings

    assert {name: getattr(settings, name) for name in DEFAULTS} == DEFAULTS
    assert [field.name for field in fields(Settings)] == list(DEFAULTS)


@pytest.mark.parametrize(
    "word, name, value",
    [
        ("--port=9000", "port", 9000),
        ("--file_system_poll_wait_seconds=-1", "file_system_poll_wait_seconds", -1),
        ("--load_retry_interval_micros=+5", "load_retry_interval_micros", 5),
        ("--model_name=a=b", "model_name", "a=b"),
        ("--model_name=", "model_name", ""),
        ("--enable_batching", "enable_batching", True),
        ("--enable_batching=TRUE", "enable_batching", True),
        ("--enable_batching=1", "enable_batching", True),
        ("--enable_profiler=False", "enable_profiler", False),
        ("--enable_profiler=0", "enable_profiler", False),
        (
            "--per_process_gpu_memory_fraction=.5",
            "per_process_gpu_memory_fraction",
            0.5,
        ),
    ],
)
def test_values(word, name, value):
    """`--flag=value` sets the flag; a bool may stand alone."""
    command = read_flags([word])

    assert getattr(command.settings, name) == value
    assert not command.unknown


def test_last_wins():
    """A flag given twice has its last value."""
    assert read_flags(["--port=1", "--port=2"]).settings.port == 2


@pytest.mark.parametrize(
    "words",
    [
        ["--port", "9000"],
        ["-port=9000"],
        ["port=9000"],
        ["--noenable_batching"],
        ["--PORT=9000"],
        ["--model_name"],
        ["--", "x"],
    ],
)
def test_unknown(words):
    """What is no `--flag=value` is told apart, and changes nothing."""
    command = read_flags(words)

    assert command.unknown == tuple(words)
    assert command.settings == Settings()


@pytest.mark.parametrize(
    "word",
    [
        "--port=x",
        "--port=",
        "--port=1.5",
        "--port=9223372036854775808",
        "--enable_batching=yes",
        "--enable_batching=",
        "--per_process_gpu_memory_fraction=half",
        "--help",
    ],
)
def test_unreadable(word):
    """A value of another type, and --help, end in the usage."""
    with pytest.raises(UnreadableFlag):
        read_flags([word])


def test_without_effect():
    """Only flags that were given, and do nothing here, are named."""
    command = read_flags(
        ["--port=1", "--num_load_threads=2", "--flush_filesystem_caches"]
    )

    assert command.without_effect == ("flush_filesystem_caches", "num_load_threads")


def test_usage():
    """Every flag is in the usage with its default; those without effect say so."""
    lines = describe_usage("serving").splitlines()[2:]

    names = [line.strip().removeprefix("--").partition("=")[0] for line in lines]
    assert names == list(DEFAULTS)
    silent = {name for name, line in zip(names, lines) if "no effect here" in line}
    assert silent == WITHOUT_EFFECT
    assert lines[0].split("\t")[1].strip() == "--port=8500"


def test_version():
    """The two lines name the two products."""
    first, second = describe_version().splitlines()

    assert first.startswith("TensorFlow ModelServer: 2.20")
    assert second.startswith("TensorFlow Library: 2.20")


@pytest.mark.parametrize(
    "words, code",
    [
        (["--port=0"], StatusCode.INVALID_ARGUMENT),
        (["--port=99999"], StatusCode.INVALID_ARGUMENT),
        (["--port=-7"], StatusCode.INVALID_ARGUMENT),
        (["--rest_api_port=65536"], StatusCode.INVALID_ARGUMENT),
        (["--grpc_max_threads=0"], StatusCode.INVALID_ARGUMENT),
        (["--rest_api_num_threads=0"], StatusCode.INVALID_ARGUMENT),
        (["--batching_parameters_file=/b"], StatusCode.INVALID_ARGUMENT),
        (
            [
                f"--tensorflow_{name}_parallelism=1"
                for name in ("session", "intra_op", "inter_op")
            ],
            StatusCode.INVALID_ARGUMENT,
        ),
        (
            ["--ssl_config_file=/s", "--use_alts_credentials"],
            StatusCode.INVALID_ARGUMENT,
        ),
        (["--use_alts_credentials"], StatusCode.UNIMPLEMENTED),
        (["--engine=onnx"], StatusCode.INVALID_ARGUMENT),
        (["--engine="], StatusCode.INVALID_ARGUMENT),
        (["--mixed_precision=float16"], StatusCode.INVALID_ARGUMENT),
    ],
)
def test_contradictions(words, code):
    """Flags that cannot hold together stop the start."""
    settings = read_flags(words).settings

    with pytest.raises(ServingError) as caught:
        settings.check()

    assert caught.value.code is code


def test_socket_alone():
    """Without a port a UNIX socket is enough."""
    read_flags(["--port=0", "--grpc_socket_path=/s"]).settings.check()
