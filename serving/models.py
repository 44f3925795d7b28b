"""The models that are served: their folders, their versions, their labels.

Owns one thread per model, so that a slow or broken one holds nobody else up.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Generic

from serving.errors import failed_precondition, invalid_argument, not_found
from serving.served_model import ModelConfig, ServedModel, Timing
from serving.version_state import State, VersionStatus
from serving.versions import Lease, ModelT, unavailable_version


@dataclass(frozen=True, kw_only=True)
class ModelTarget:
    """The model a call asks for; at most one of version and label is set."""

    name: str
    version: int | None = None
    label: str | None = None


class ModelStore(Generic[ModelT]):
    """All served models by name; each has a thread that keeps it current."""

    def __init__(
        self,
        load: Callable[[Path], ModelT],
        list_folders: Callable[[str], Mapping[int, Path]],
        timing: Timing,
        allow_labels_for_unavailable: bool = False,
    ) -> None:
        self._load = load
        self._list_folders = list_folders
        self._timing = timing
        self._allow_labels_for_unavailable = allow_labels_for_unavailable
        self._models: dict[str, ServedModel[ModelT]] = {}
        self._threads: list[threading.Thread] = []
        self._applying = threading.Lock()
        self._changed = threading.Condition()
        self._changes = 0
        self._is_stopping = False

    def apply(self, configs: Iterable[ModelConfig]) -> None:
        """Serve exactly these models: new ones are loaded, absent ones unloaded.

        Raises:
            ServingError: FAILED_PRECONDITION; a label points to a version that is not
                AVAILABLE. Nothing was changed.
        """
        with self._applying:
            self._replace({config.name: config for config in configs})
        self._note_change()

    def _replace(self, wanted: Mapping[str, ModelConfig]) -> None:
        for config in wanted.values():
            self._check_labels(config)
        for name, model in list(self._models.items()):
            if name not in wanted:
                model.labels = {}
                model.configure(None)
        for name, config in wanted.items():
            if name in self._models:
                self._models[name].configure(config)
            else:
                self._add(config)
            self._models[name].labels = dict(config.labels)

    def _check_labels(self, config: ModelConfig) -> None:
        """A new label may point anywhere if the flag says so; a moved one may not."""
        model = self._models.get(config.name)
        available = set()
        if model:
            available = {
                status.version
                for status in model.versions.statuses()
                if status.state is State.AVAILABLE
            }
        known = model.labels if model else {}
        for label, version in config.labels.items():
            is_move = known.get(label, version) != version
            if version in available:
                continue
            if is_move or not self._allow_labels_for_unavailable:
                raise failed_precondition(
                    f"Request to assign label to version {version} of model "
                    f"{config.name}, which is not currently available for inference"
                )

    def _add(self, config: ModelConfig) -> None:
        model = ServedModel(
            config, self._load, self._list_folders, self._timing, self._note_change
        )
        self._models[config.name] = model
        thread = threading.Thread(
            target=self._keep_current, args=(model,), name=f"model-{config.name}"
        )
        self._threads.append(thread)
        thread.start()

    def _note_change(self) -> None:
        with self._changed:
            self._changes += 1
            self._changed.notify_all()

    def _keep_current(self, model: ServedModel[ModelT]) -> None:
        """Run steps until the store stops and the model is unloaded."""
        while not (self._is_stopping and model.versions.is_idle()):
            seen = self._changes
            seconds = model.step()
            with self._changed:
                self._changed.wait_for(lambda: self._changes != seen, seconds)

    def wait_until_settled(self, timeout_seconds: float | None = None) -> bool:
        """Wait until each served model answers or has failed.

        Returns False when the time is over or the store was stopped before.
        """
        self.wait_until(
            lambda: self._is_stopping or self._is_settled(), timeout_seconds
        )
        return not self._is_stopping and self._is_settled()

    def wait_until(
        self, is_true: Callable[[], bool], timeout_seconds: float | None = None
    ) -> bool:
        """Look after every change of any version; return whether it came true."""
        with self._changed:
            return self._changed.wait_for(is_true, timeout_seconds)

    def _is_settled(self) -> bool:
        return all(model.versions.is_settled() for model in self._served())

    def _served(self) -> list[ServedModel[ModelT]]:
        return [model for model in self._models.values() if model.config is not None]

    def failures(self) -> dict[str, VersionStatus]:
        """The highest failed version of each served model that cannot answer."""
        failed = {}
        for model in self._served():
            statuses = model.versions.statuses()
            if State.AVAILABLE not in {status.state for status in statuses}:
                errors = [status for status in statuses if status.error is not None]
                failed.update({model.versions.name: status for status in errors[:1]})
        return failed

    def lease(self, target: ModelTarget) -> AbstractContextManager[Lease[ModelT]]:
        """Keep the version a call asks for alive while it runs.

        Raises:
            ServingError: INVALID_ARGUMENT for an unknown label; NOT_FOUND when the
                model or the version is not AVAILABLE.
        """
        model = self._models.get(target.name)
        version = target.version
        if target.label is not None:
            if model is None or target.label not in model.labels:
                raise invalid_argument(
                    f"Unrecognized servable version label: {target.label}"
                )
            version = model.labels[target.label]
        if model is None:
            raise unavailable_version(target.name, version)
        return model.versions.lease(version)

    def statuses(
        self, name: str, version: int | None = None
    ) -> tuple[VersionStatus, ...]:
        """Every version of a model, the highest first, or only the one asked for.

        Raises:
            ServingError: NOT_FOUND; there never was such a version.
        """
        model = self._models.get(name)
        statuses = model.versions.statuses() if model else ()
        if version is None:
            if not statuses:
                raise not_found(f"Could not find any versions of model {name}")
            return statuses
        found = tuple(status for status in statuses if status.version == version)
        if not found:
            raise not_found(f"Could not find version {version} of model {name}")
        return found

    def stop(self) -> None:
        """Unload everything, after the calls in flight, and end the threads."""
        # While apply() starts threads: each is seen here or ends by itself.
        with self._applying:
            self._is_stopping = True
            for model in self._models.values():
                model.configure(None)
        self._note_change()
        for thread in self._threads:
            thread.join()
