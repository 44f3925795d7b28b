"""Fakes: time, disks, models, a loader, a run; and what tests ask of them."""

from __future__ import annotations

import threading
from pathlib import Path

import numpy as np
from grpc import StatusCode

from serving.errors import ServingError, invalid_argument
from serving.served_model import ModelConfig


class Clock:
    """Time that passes only when a test says so."""

    def __init__(self):
        self.now = 100.0

    def __call__(self):
        return self.now


class Model:
    """What the loader returns; says that it was closed."""

    def __init__(self, folder, events):
        self.folder = folder
        self.closed = threading.Event()
        self._events = events

    def close(self):
        """Write down the end."""
        self._events.append(f"close {self.folder.name}")
        self.closed.set()


class Loader:
    """Loads at once; fails for the version numbers in broken."""

    def __init__(self, broken=()):
        self.events = []
        self.broken = set(broken)

    def __call__(self, folder):
        self.events.append(f"load {folder.name}")
        if int(folder.name) in self.broken:
            raise ServingError(StatusCode.DATA_LOSS, f"version {folder.name} is broken")
        return Model(folder, self.events)


def folders(*numbers):
    """What a poll of the base path gives."""
    return {number: Path("/models/m") / str(number) for number in numbers}


def settle(versions):
    """Run every step that is due."""
    while versions.step():
        pass


def states(versions):
    """{version: state}."""
    return {status.version: status.state for status in versions.statuses()}


class Disk:
    """Base paths and their versions; counts how often each is looked at."""

    def __init__(self, **models):
        self.models = models
        self.looks = []

    def __call__(self, base_path):
        name = Path(base_path).name
        self.looks.append(name)
        if name not in self.models:
            raise FileNotFoundError(base_path)
        return {number: Path(base_path) / str(number) for number in self.models[name]}


def config(name, **fields):
    """A model, under /models unless said otherwise."""
    return ModelConfig(name=name, **{"base_path": f"/models/{name}", **fields})


class Doubler:
    """Doubles rows, refuses negative ones, remembers the size of every run."""

    def __init__(self):
        self.sizes = []
        self.timeouts = []

    def __call__(self, inputs, timeout_seconds):
        self.sizes.append(len(inputs["x"]))
        self.timeouts.append(timeout_seconds)
        if (inputs["x"] < 0).any():
            raise invalid_argument("negative row")
        return {"y": inputs["x"] * 2}


def rows(*values):
    """One float column as the input x."""
    return {"x": np.array(values, np.float32).reshape(-1, 1)}
