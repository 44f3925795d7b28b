"""Where the Prometheus page is served, from a MonitoringConfig text file."""

from __future__ import annotations

from serving.config_messages import create_message
from serving.text_message import fill_message

# Source: prometheus_exporter.cc of TensorFlow Serving.
DEFAULT_PATH = "/monitoring/prometheus/metrics"


def read_metrics_path(path: str) -> str | None:
    """The page's path; None where the file does not enable it, or there is no file.

    Raises:
        ServingError: As fill_message.
    """
    if not path:
        return None
    message = create_message("MonitoringConfig")
    fill_message(path, message)
    if not message.prometheus_config.enable:
        return None
    return message.prometheus_config.path or DEFAULT_PATH
