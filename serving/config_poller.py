"""Reads the model config file again and again, and has it applied."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable

from tensorflow_serving.config import model_server_config_pb2

from serving.errors import ServingError
from serving.thread_edge import run_at_edge

logger = logging.getLogger(__name__)

_Config = model_server_config_pb2.ModelServerConfig


class ConfigPoller:
    """A thread that looks every period until stop(); a bad file changes nothing.

    As in TensorFlow Serving an unchanged file is applied as well: it wins over a
    HandleReloadConfigRequest, and a label waits in it for its version.
    """

    def __init__(
        self, read: Callable[[], _Config], apply: Callable[[_Config], object]
    ) -> None:
        """Both may raise ServingError, which is logged."""
        self._read = read
        self._apply = apply
        self._trouble = ""
        self._end = threading.Event()

    def start(self, period_seconds: float) -> None:
        """Poll in a thread of its own; the first look is one period from now."""
        threading.Thread(
            target=self._run, args=(period_seconds,), name="model-config"
        ).start()

    def stop(self) -> None:
        """End the thread after the look it may be at."""
        self._end.set()

    def _run(self, period_seconds: float) -> None:
        while not self._end.wait(period_seconds):
            run_at_edge(self.poll, otherwise=None)

    def poll(self) -> None:
        """Look once."""
        try:
            self._apply(self._read())
        except ServingError as error:
            self._report(f"{error}")
        else:
            self._report("")

    def _report(self, trouble: str) -> None:
        """Say it once, not at every look."""
        if trouble and trouble != self._trouble:
            logger.error("event=model_config_refused reason=%r", trouble)
        self._trouble = trouble
