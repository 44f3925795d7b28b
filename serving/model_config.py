"""Which models to serve, from the flags or a ModelServerConfig text file."""

from __future__ import annotations

from pathlib import Path

from tensorflow_serving.config import model_server_config_pb2
from tensorflow_serving.config.file_system_storage_path_source_pb2 import (
    FileSystemStoragePathSourceConfig,
)

from serving.errors import failed_precondition, invalid_argument
from serving.served_model import ModelConfig
from serving.settings import Settings
from serving.text_message import fill_message
from serving.version_policy import VersionPolicy

_PLATFORM = "tensorflow"
_PolicyMessage = FileSystemStoragePathSourceConfig.ServableVersionPolicy


def read_model_configs(settings: Settings) -> tuple[ModelConfig, ...]:
    """The models the flags name; a config file wins over name and base path.

    Raises:
        ServingError: INVALID_ARGUMENT or FAILED_PRECONDITION, as at the start of
            TensorFlow Serving.
    """
    if settings.model_config_file:
        message = model_server_config_pb2.ModelServerConfig()
        fill_message(settings.model_config_file, message)
        return convert_configs(message)
    if not settings.model_base_path:
        raise invalid_argument(
            "Both server_options.model_base_path and server_options.model_config_file "
            "are empty!"
        )
    _check_base_path(settings.model_name, settings.model_base_path)
    return (ModelConfig(name=settings.model_name, base_path=settings.model_base_path),)


def convert_configs(
    message: model_server_config_pb2.ModelServerConfig,
) -> tuple[ModelConfig, ...]:
    """The models of one message.

    Raises:
        ServingError: INVALID_ARGUMENT; a model twice, a relative path, no platform or
            one that is not served here.
    """
    if message.WhichOneof("config") == "custom_model_config":
        raise failed_precondition("custom_model_config is not served")
    configs: dict[str, ModelConfig] = {}
    for entry in message.model_config_list.config:
        if entry.name in configs:
            raise invalid_argument(
                f"Illegal to list model {entry.name} multiple times in config list"
            )
        _check_platform(entry)
        _check_base_path(entry.name, entry.base_path)
        configs[entry.name] = ModelConfig(
            name=entry.name,
            base_path=entry.base_path,
            policy=_convert_policy(entry.model_version_policy),
            labels=dict(entry.version_labels),
        )
    return tuple(configs.values())


def _check_platform(entry: model_server_config_pb2.ModelConfig) -> None:
    is_tensorflow = entry.model_type == model_server_config_pb2.TENSORFLOW
    platform = entry.model_platform or (_PLATFORM if is_tensorflow else "")
    if not platform:
        raise invalid_argument(
            "Illegal setting neither ModelServerConfig::model_type (deprecated) nor "
            f"ModelServerConfig::model_platform, model name is {entry.name}"
        )
    if platform != _PLATFORM:
        raise invalid_argument(
            f"Model {entry.name} requests unsupported platform {platform}"
        )


def _check_base_path(name: str, base_path: str) -> None:
    if not Path(base_path).is_absolute():
        raise invalid_argument(
            f"Expected model {name} to have an absolute path or URI; "
            f"got base_path()={base_path}"
        )


def _convert_policy(message: _PolicyMessage) -> VersionPolicy:
    choice = message.WhichOneof("policy_choice")
    if choice == "all":
        return VersionPolicy(latest=None)
    if choice == "specific":
        return VersionPolicy(specific=frozenset(message.specific.versions))
    return VersionPolicy(latest=message.latest.num_versions)
