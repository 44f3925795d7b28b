"""Environment to application: the one place that reads os.environ.

A WSGI server calls make_app in each worker, after the fork, since the gRPC channel it
opens does not survive one: gunicorn "gateway.wsgi:make_app()", never with --preload.
"""

# pylint: disable=import-outside-toplevel  # the master process stays free of gRPC

from __future__ import annotations

import logging.config
import os
import warnings
from typing import TYPE_CHECKING

from gateway.log_lines import logging_config
from gateway.settings import Settings
from gateway.shared_counts import FOLDER_VARIABLE

if TYPE_CHECKING:
    from flask import Flask

    from gateway.spans import SpanExport


def read_settings() -> Settings:
    """The settings of this process.

    Raises:
        SettingsError: Lists every bad value.
    """
    return Settings.from_env(os.environ)


def make_app() -> Flask:
    """The gateway as the environment describes it, with its own channel and log.

    Raises:
        SettingsError: Lists every bad value.
    """
    from gateway.app import create_app
    from gateway.metrics import Metrics
    from gateway.model_client import ModelClient

    settings = read_settings()
    logging.config.dictConfig(logging_config(settings.log_level, settings.log_format))
    # Pillow warns of odd metadata; a caller's file is not an event of ours.
    warnings.filterwarnings("ignore", category=UserWarning, module=r"PIL\.")
    client = ModelClient(settings.model_address)
    metrics = Metrics(os.environ.get(FOLDER_VARIABLE))
    return create_app(settings, client, metrics=metrics, spans=_make_spans())


def _make_spans() -> SpanExport | None:
    """Where spans go; the SDK is loaded only if they go anywhere."""
    from gateway.tracing import is_collected

    if not is_collected(os.environ):
        return None
    from gateway.spans import SpanExport

    return SpanExport()
