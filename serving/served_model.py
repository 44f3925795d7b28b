"""One served model: where its versions lie, which are wanted, what its labels mean.

Looks and acts when step() is called; models.py owns the thread that calls it.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Generic

from serving.version_policy import VersionPolicy
from serving.version_state import ModelT, Outcome, RetryPolicy
from serving.versions import ModelVersions

logger = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class ModelConfig:
    """One model as its owner describes it."""

    name: str
    base_path: str
    policy: VersionPolicy = VersionPolicy()
    labels: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Timing:
    """Seconds between two looks at a base path (0: one look, < 0: none), retries."""

    clock: Callable[[], float]
    poll_seconds: float = 1.0
    retry: RetryPolicy = RetryPolicy()


class ServedModel(Generic[ModelT]):
    """One model: looks at its base path when that is due and moves its versions on."""

    def __init__(
        self,
        config: ModelConfig,
        load: Callable[[Path], ModelT],
        list_folders: Callable[[str], Mapping[int, Path]],
        timing: Timing,
        on_change: Callable[[], None],
    ) -> None:
        self.versions = ModelVersions(
            config.name, load, timing.clock, timing.retry, on_change
        )
        self.labels: Mapping[str, int] = {}
        self._config: ModelConfig | None = config
        self._looked_for: ModelConfig | None = None
        self._list_folders = list_folders
        self._timing = timing
        self._poll_at: float | None = 0.0
        self._on_change = on_change
        self._trouble = ""

    @property
    def config(self) -> ModelConfig | None:
        """What is served now; None once the model was retired."""
        return self._config

    def configure(self, config: ModelConfig | None) -> None:
        """Serve this from the next step on; None retires the model."""
        if config != self._config:
            self._config = config
            self._poll_at = 0.0

    def outcome(self) -> Outcome:
        """Where the model stands; PENDING until it was looked for as configured now."""
        if self._looked_for is not self._config:
            return Outcome.PENDING
        return self.versions.outcome()

    def step(self) -> float | None:
        """Do all that is due; return the seconds until the next thing, None: never."""
        now = self._timing.clock()
        if self._poll_at is not None and now >= self._poll_at:
            # Set first: a configure() from another thread meanwhile must not be lost.
            period = self._timing.poll_seconds
            self._poll_at = now + period if period > 0 else None
            before = self.outcome()
            self._poll()
            # That there is nothing to load is news which no version tells.
            if self.outcome() is not before:
                self._on_change()
        while self.versions.step():
            pass
        waits = [self.versions.seconds_to_retry()]
        if self._poll_at is not None:
            waits.append(max(0.0, self._poll_at - self._timing.clock()))
        return min((wait for wait in waits if wait is not None), default=None)

    def _poll(self) -> None:
        """See what is there; a base path that cannot be read changes nothing."""
        config = self._config
        if config is None:
            self.versions.aspire({})
        elif self._timing.poll_seconds < 0:
            return
        else:
            self._look(config)
        self._looked_for = config

    def _look(self, config: ModelConfig) -> None:
        try:
            folders = self._list_folders(config.base_path)
        except (OSError, ValueError) as error:  # ValueError: a zero byte in the path
            self._report(f"base path {config.base_path} is not readable: {error}")
            return
        wanted = config.policy.select(folders)
        missing = sorted((config.policy.specific or frozenset()) - wanted)
        if not wanted:
            self._report(f"no wanted version under {config.base_path}")
        else:
            self._report(f"no version {missing}" if missing else "")
        self.versions.aspire({number: folders[number] for number in wanted})

    def _report(self, trouble: str) -> None:
        """Say it once, not at every look."""
        if trouble and trouble != self._trouble:
            name = self._config.name if self._config else ""
            logger.warning("event=model_not_found model=%r reason=%r", name, trouble)
        self._trouble = trouble
