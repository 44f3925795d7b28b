"""Which models to serve, from the flags or a ModelServerConfig message."""

from __future__ import annotations

from collections.abc import Collection, Iterable
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
_URI_MARK = "://"
_PolicyMessage = FileSystemStoragePathSourceConfig.ServableVersionPolicy


def read_model_configs(settings: Settings) -> tuple[ModelConfig, ...]:
    """The models the flags name; a config file wins over name and base path.

    Raises:
        ServingError: INVALID_ARGUMENT or FAILED_PRECONDITION, as at the start of
            TensorFlow Serving.
    """
    if settings.model_config_file:
        message = read_config_file(settings.model_config_file)
        configs = convert_configs(message)
        check_logging(message)
        return configs
    if not settings.model_base_path:
        raise invalid_argument(
            "Both server_options.model_base_path and server_options.model_config_file "
            "are empty!"
        )
    _check_base_path(settings.model_name, settings.model_base_path)
    return (ModelConfig(name=settings.model_name, base_path=settings.model_base_path),)


def read_config_file(path: str) -> model_server_config_pb2.ModelServerConfig:
    """The file as a message.

    Raises:
        ServingError: As fill_message.
    """
    message = model_server_config_pb2.ModelServerConfig()
    fill_message(path, message)
    return message


def convert_configs(
    message: model_server_config_pb2.ModelServerConfig,
    served: Collection[str] = (),
) -> tuple[ModelConfig, ...]:
    """The models of one message.

    Args:
        message: Without a list of models there are none.
        served: The models served so far; all of them on the one platform there is.

    Raises:
        ServingError: INVALID_ARGUMENT; a model twice, a relative path, no platform or
            one that is not served here. FAILED_PRECONDITION; something else than a
            list takes the place of one.
    """
    choice = message.WhichOneof("config")
    if choice == "custom_model_config":
        raise failed_precondition("custom_model_config is not served")
    if choice is None and served:
        raise failed_precondition(
            "expected a model_config_list in place of the one before, received none"
        )
    entries = message.model_config_list.config
    _check_names(entry.name for entry in entries)
    for entry in entries:
        _check_base_path(entry.name, entry.base_path)
    for entry in entries:
        _check_platform(entry, entry.name in served)
    return tuple(_convert(entry) for entry in entries)


def check_logging(message: model_server_config_pb2.ModelServerConfig) -> None:
    """Refuse request logs, of which TensorFlow Serving's binary keeps none either.

    Raises:
        ServingError: INVALID_ARGUMENT; some model has a logging_config.
    """
    if any(
        entry.HasField("logging_config") for entry in message.model_config_list.config
    ):
        raise invalid_argument("No request-logger-creator provided.")


def _check_names(names: Iterable[str]) -> None:
    seen: set[str] = set()
    for name in names:
        if name in seen:
            raise invalid_argument(
                f"Illegal to list model {name} multiple times in config list"
            )
        seen.add(name)


def _check_base_path(name: str, base_path: str) -> None:
    if not Path(base_path).is_absolute() and _URI_MARK not in base_path:
        raise invalid_argument(
            f"Expected model {name} to have an absolute path or URI; "
            f"got base_path()={base_path}"
        )


def _check_platform(
    entry: model_server_config_pb2.ModelConfig, is_served: bool
) -> None:
    platform = entry.model_platform
    if entry.model_type:
        if platform:
            raise invalid_argument(
                f"expected model_type (deprecated) or model_platform of model "
                f"{entry.name}, received both"
            )
        is_tensorflow = entry.model_type == model_server_config_pb2.TENSORFLOW
        platform = _PLATFORM if is_tensorflow else "other"
    if not platform:
        raise invalid_argument(
            "Illegal setting neither ModelServerConfig::model_type (deprecated) nor "
            f"ModelServerConfig::model_platform, model name is {entry.name}"
        )
    if platform == _PLATFORM:
        return
    if is_served:
        raise invalid_argument(
            f"Illegal to change a model's platform. For model {entry.name} platform "
            f"was {_PLATFORM} and new platform requested is {platform}"
        )
    raise invalid_argument(
        f"Model {entry.name} requests unsupported platform {platform}"
    )


def _convert(entry: model_server_config_pb2.ModelConfig) -> ModelConfig:
    return ModelConfig(
        name=entry.name,
        base_path=entry.base_path,
        policy=_convert_policy(entry.model_version_policy),
        labels=dict(entry.version_labels),
    )


def _convert_policy(message: _PolicyMessage) -> VersionPolicy:
    choice = message.WhichOneof("policy_choice")
    if choice == "all":
        return VersionPolicy(latest=None)
    if choice == "specific":
        return VersionPolicy(specific=frozenset(message.specific.versions))
    return VersionPolicy(latest=message.latest.num_versions)
