"""ModelServerConfig messages: what they mean, and which are refused."""

from __future__ import annotations

import pytest
from google.protobuf import text_format
from grpc import StatusCode
from tensorflow_serving.config import model_server_config_pb2

from serving.errors import ServingError
from serving.model_config import convert_configs, read_model_configs
from serving.settings import Settings
from serving.version_policy import VersionPolicy

TENSORFLOW = 'model_platform: "tensorflow"'


def parse(text):
    """The message of a text."""
    return text_format.Parse(text, model_server_config_pb2.ModelServerConfig())


def listing(*entries):
    """A list of models."""
    return parse(
        "model_config_list {" + "".join(f"config {{{e}}}" for e in entries) + "}"
    )


@pytest.mark.parametrize(
    "text, policy",
    [
        ("", VersionPolicy(latest=0)),
        ("latest { num_versions: 3 }", VersionPolicy(latest=3)),
        ("all {}", VersionPolicy(latest=None)),
        (
            "specific { versions: 4 versions: 2 }",
            VersionPolicy(specific=frozenset({2, 4})),
        ),
    ],
)
def test_policy(text, policy):
    """Each policy of the message has its own meaning; none is the latest one."""
    message = listing(
        f'name: "a" base_path: "/a" {TENSORFLOW} model_version_policy {{ {text} }}'
    )

    (config,) = convert_configs(message)

    assert config.policy == policy


@pytest.mark.parametrize("base_path", ["/a", "file:///a", "gs://bucket/a"])
def test_base_path(base_path):
    """Absolute paths and URIs are taken as they are."""
    message = listing(f'name: "a" base_path: "{base_path}" {TENSORFLOW}')

    (config,) = convert_configs(message)

    assert config.base_path == base_path


def test_deprecated_type():
    """model_type TENSORFLOW is the platform as well."""
    message = listing('name: "a" base_path: "/a" model_type: TENSORFLOW')

    assert [config.name for config in convert_configs(message)] == ["a"]


A = 'name: "a" base_path: "/a"'


@pytest.mark.parametrize(
    "entries, message",
    [
        (
            [f"{A} {TENSORFLOW}", f"{A} {TENSORFLOW}"],
            "Illegal to list model a multiple times in config list",
        ),
        (
            [f'name: "b" base_path: "b" {TENSORFLOW}'],
            "Expected model b to have an absolute path or URI; got base_path()=b",
        ),
        (
            [f'name: "b" {TENSORFLOW}'],
            "Expected model b to have an absolute path or URI; got base_path()=",
        ),
        (
            ['name: "b" base_path: "/b"'],
            "Illegal setting neither ModelServerConfig::model_type (deprecated) nor "
            "ModelServerConfig::model_platform, model name is b",
        ),
        (
            ['name: "b" base_path: "/b" model_platform: "x"'],
            "Model b requests unsupported platform x",
        ),
        (
            [f'{A} model_platform: "x"'],
            "Illegal to change a model's platform. For model a platform was tensorflow "
            "and new platform requested is x",
        ),
        (
            [f"{A} model_type: OTHER"],
            "Illegal to change a model's platform. For model a platform was tensorflow "
            "and new platform requested is other",
        ),
        (
            [f"{A} {TENSORFLOW} model_type: TENSORFLOW"],
            "expected model_type (deprecated) or model_platform of model a, received "
            "both",
        ),
    ],
)
def test_refused_list(entries, message):
    """Each mistake in a list is INVALID_ARGUMENT and named; "a" was served before."""
    with pytest.raises(ServingError) as caught:
        convert_configs(listing(*entries), served={"a"})

    assert caught.value.code is StatusCode.INVALID_ARGUMENT
    assert caught.value.message == message


def test_no_list():
    """An empty file is no models at the start; later it takes no list's place."""
    empty = parse("")

    with pytest.raises(ServingError) as caught:
        convert_configs(empty, served={"a"})

    assert caught.value.code is StatusCode.FAILED_PRECONDITION
    assert not convert_configs(empty)


def test_request_log_at_start(tmp_path):
    """A log collector in the file keeps the server from starting."""
    path = tmp_path / "models.config"
    path.write_text(
        f"model_config_list {{ config {{ {A} {TENSORFLOW} logging_config {{}} }} }}"
    )

    with pytest.raises(ServingError) as caught:
        read_model_configs(Settings(model_config_file=str(path)))

    assert caught.value.code is StatusCode.INVALID_ARGUMENT


def test_unreadable_text(tmp_path):
    """The place of a mistake is told as the protobuf library of C++ tells it."""
    path = tmp_path / "models.config"
    path.write_text("model_config_list {\n  nonsense: 1\n}\n")

    with pytest.raises(ServingError) as caught:
        read_model_configs(Settings(model_config_file=str(path)))

    assert caught.value.message == f"Invalid protobuf file: '{path}'"
    assert str(caught.value.__cause__).startswith(
        "Error parsing text-format tensorflow.serving.ModelServerConfig: 2:11: "
    )


def test_binary_file(tmp_path):
    """A file that is no text at all is refused like any other."""
    path = tmp_path / "models.config"
    path.write_bytes(b"\xff\xfe\x00")

    with pytest.raises(ServingError) as caught:
        read_model_configs(Settings(model_config_file=str(path)))

    assert caught.value.message == f"Invalid protobuf file: '{path}'"
