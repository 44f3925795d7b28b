"""Another set of models for a running server, from the config file or from a call."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

from tensorflow_serving.config import model_server_config_pb2

from serving.availability import wait_for_new
from serving.errors import invalid_argument
from serving.model_config import check_logging, convert_configs
from serving.models import ModelStore

logger = logging.getLogger(__name__)

_Config = model_server_config_pb2.ModelServerConfig


def reload_from_file(store: ModelStore[Any], config: _Config) -> None:
    """Apply what the file says now, without waiting for new models.

    Raises:
        ServingError: The file is not valid, or a label points to a version that does
            not answer; the models stay as they were.
    """
    _apply(store, config)
    check_logging(config)


def reload_from_call(
    store: ModelStore[Any], config: _Config, is_given_up: Callable[[], bool]
) -> None:
    """Apply what a caller says, and wait until each new model answers.

    Raises:
        ServingError: As reload_from_file, or INVALID_ARGUMENT for anything but a list
            of models; the models stay as they were. What wait_for_new says; they do
            not.
    """
    if config.WhichOneof("config") != "model_config_list":
        raise invalid_argument(
            "ServerModelConfig type not supported by HandleReloadConfigRequest. "
            "Only ModelConfigList is currently supported"
        )
    wait_for_new(store, _apply(store, config), is_given_up)
    check_logging(config)


def _apply(store: ModelStore[Any], config: _Config) -> frozenset[str]:
    new = store.apply(convert_configs(config, store.served_names()))
    if new:
        logger.info("event=models_added names=%r", ",".join(sorted(new)))
    return new
