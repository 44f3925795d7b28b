"""The models that are served: their folders, their versions, their labels.

Owns which models there are; model_threads.py drives them, availability.py waits.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Generic

from grpc import StatusCode

from serving.errors import (
    ServingError,
    failed_precondition,
    invalid_argument,
    not_found,
)
from serving.model_threads import ModelThreads
from serving.served_model import ModelConfig, ServedModel, Timing
from serving.version_state import (
    Lease,
    ModelT,
    Outcome,
    State,
    VersionStatus,
    unavailable_version,
)


@dataclass(frozen=True, kw_only=True)
class ModelTarget:
    """The model a call asks for; at most one of version and label is set."""

    name: str
    version: int | None = None
    label: str | None = None


class ModelStore(Generic[ModelT]):
    """All served models by name; each is kept current by a thread of its own."""

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
        self._threads: ModelThreads[ModelT] = ModelThreads()
        self._applying = threading.Lock()
        self._is_closing = False

    def apply(self, configs: Iterable[ModelConfig]) -> frozenset[str]:
        """Serve exactly these models: new ones are loaded, absent ones unloaded.

        Returns:
            The names that were not served before.

        Raises:
            ServingError: FAILED_PRECONDITION; a label points to a version that is not
                AVAILABLE. UNAVAILABLE; the server stops. Nothing was changed.
        """
        with self._applying:
            if self._is_closing:
                raise ServingError(StatusCode.UNAVAILABLE, "the server stops")
            wanted = {config.name: config for config in configs}
            new = frozenset(wanted) - self.served_names()
            has_changed = self._replace(wanted)
        if has_changed:
            self._threads.note_change()
        return new

    def _replace(self, wanted: Mapping[str, ModelConfig]) -> bool:
        for config in wanted.values():
            self._check_labels(config)
        before = self._configs()
        for name, model in self._models.items():
            if name not in wanted:
                model.labels = {}
                model.configure(None)
        for config in wanted.values():
            self._serve(config)
        return self._configs() != before

    def _configs(self) -> dict[str, ModelConfig]:
        """What is served now, by name; a copy that another thread may change under."""
        models = tuple(self._models.items())
        return {name: model.config for name, model in models if model.config}

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

    def _serve(self, config: ModelConfig) -> None:
        if config.name not in self._models:
            self._models[config.name] = ServedModel(
                config,
                self._load,
                self._list_folders,
                self._timing,
                self._threads.note_change,
            )
        model = self._models[config.name]
        model.configure(config)
        model.labels = dict(config.labels)
        self._threads.run(model)

    def served_names(self) -> frozenset[str]:
        """The models that are configured now, whether they answer or not."""
        return frozenset(self._configs())

    def outcomes(self) -> dict[str, Outcome]:
        """Where each configured model stands, by name."""
        return {name: self._models[name].outcome() for name in self._configs()}

    @property
    def is_closing(self) -> bool:
        """Whether close() was called: nobody should wait for a model any more."""
        return self._is_closing

    def wait_until(
        self, is_true: Callable[[], bool], timeout_seconds: float | None = None
    ) -> bool:
        """Look after every change of any version; return whether it came true."""
        return self._threads.wait_until(is_true, timeout_seconds)

    def listen(self, listener: Callable[[], None]) -> None:
        """Call it after every change of any model, from the thread that made it."""
        self._threads.listen(listener)

    def note_change(self) -> None:
        """Let everybody in wait_until() look again."""
        self._threads.note_change()

    def has_model(self, name: str) -> bool:
        """Whether a model of that name is or was configured."""
        return name in self._models

    def lease(self, target: ModelTarget) -> AbstractContextManager[Lease[ModelT]]:
        """Keep the version a call asks for alive while it runs.

        Raises:
            ServingError: INVALID_ARGUMENT for an unknown label; NOT_FOUND when the
                model or the version is not AVAILABLE.
        """
        model = self._models.get(target.name)
        version = target.version
        if target.label is not None:
            version = model.labels.get(target.label) if model else None
            if version is None:
                raise invalid_argument(
                    f"Unrecognized servable version label: {target.label}"
                )
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

    def is_in_use(self) -> bool:
        """Whether any call runs on any version."""
        return any(model.versions.is_in_use() for model in tuple(self._models.values()))

    def close(self) -> None:
        """Take no more configurations; whoever waits for a model stops waiting."""
        # An apply() under way is seen by stop(), a later one is refused.
        with self._applying:
            self._is_closing = True
        self._threads.note_change()

    def stop(self) -> None:
        """Unload everything, after the calls in flight, and end the threads."""
        self.close()
        for model in self._models.values():
            model.configure(None)
        self._threads.note_change()
        self._threads.join()
