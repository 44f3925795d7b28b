"""Start the gateway: python -m gateway. Settings are GATEWAY_* variables."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gunicorn.app.base import BaseApplication
from gunicorn.glogging import Logger

from gateway import shared_counts
from gateway.api_keys import KeysFileError, read_keys
from gateway.log_lines import logging_config
from gateway.prediction_log import open_prediction_log
from gateway.settings import OFF, Settings, SettingsError
from gateway.worker import GatewayWorker
from gateway.wsgi import make_app, read_settings

if TYPE_CHECKING:
    from flask import Flask

EXIT_BAD_SETTINGS = 2
# preStop sleep 5 s + this < terminationGracePeriodSeconds 30 s
GRACEFUL_SECONDS = 20
# Longer than a load balancer keeps idle connections (nginx: 60 s): who closes first
# resets the other's next request.
KEEPALIVE_SECONDS = 75
# Beyond those that wait or work: they refuse at once, and answer probes meanwhile.
SPARE_THREADS = 8
_MEMORY_FOLDER = "/dev/shm"


class ServerLog(Logger):
    """Gunicorn's own events; our line per request says more than its access log."""

    def access(self, resp: Any, req: Any, environ: Any, request_time: Any) -> None:
        """Nothing: a level alone would let it compose every line and then drop it."""


class GatewayServer(
    BaseApplication
):  # pylint: disable=abstract-method  # no command line
    """Gunicorn, told by our settings instead of its command line."""

    def __init__(self, settings: Settings, counts_folder: Path | None = None) -> None:
        """With a folder, the workers count in it together; it goes when they do."""
        self.settings = settings
        self._counts_folder = counts_folder
        super().__init__()

    def load_config(self) -> None:
        """Hand every setting to gunicorn; called by its constructor."""
        for name, value in server_options(self.settings).items():
            self.cfg.set(name, value)
        if (folder := self._counts_folder) is not None:
            self.cfg.set(
                "child_exit",
                lambda _, worker: shared_counts.forget_worker(folder, worker.pid),
            )
            self.cfg.set("on_exit", lambda _: shutil.rmtree(folder))

    def load(self) -> Flask:
        """Build the application; gunicorn calls this in each worker."""
        return make_app()


def server_options(settings: Settings) -> dict[str, Any]:
    """Gunicorn's settings; its own files stay in memory or are not written at all."""
    log = logging_config(settings.log_level, settings.log_format)
    return {
        "bind": f"{_bracketed(settings.host)}:{settings.port}",
        "workers": settings.workers,
        "threads": settings.max_in_flight + SPARE_THREADS,
        "worker_class": GatewayWorker,
        "worker_tmp_dir": _MEMORY_FOLDER if Path(_MEMORY_FOLDER).is_dir() else None,
        "control_socket_disable": True,
        "logger_class": ServerLog,
        "preload_app": False,
        "keepalive": KEEPALIVE_SECONDS,
        "graceful_timeout": GRACEFUL_SECONDS,
        "logconfig_dict": {
            **log,
            "loggers": {
                **log["loggers"],
                "gunicorn.error": {"handlers": ["stdout"], "propagate": False},
            },
        },
        "proc_name": "gateway",
    }


def _bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host else host


def check_files(settings: Settings) -> None:
    """Try what the workers will open, so that the start fails and not they, for ever.

    Raises:
        KeysFileError: The file of API keys cannot be used.
        OSError: The prediction log cannot be written.
    """
    if settings.api_keys_file != OFF:
        read_keys(Path(settings.api_keys_file))
    open_prediction_log(settings)


def main() -> int:
    """Serve until SIGTERM; return the exit code of bad settings."""
    counts_folder = None
    try:
        settings = read_settings()
        check_files(settings)
        if settings.workers > 1:
            counts_folder = shared_counts.make_folder(os.getpid())
            os.environ[shared_counts.FOLDER_VARIABLE] = str(counts_folder)
    except (SettingsError, KeysFileError, OSError) as error:
        sys.stderr.write(f"gateway: these settings cannot be used:\n{error}\n")
        return EXIT_BAD_SETTINGS
    GatewayServer(settings, counts_folder).run()
    return 0


if __name__ == "__main__":
    sys.exit(main())
