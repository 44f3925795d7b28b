"""An app with a client that answers from memory; no sockets, no TensorFlow."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

from gateway.app import create_app
from gateway.errors import ModelMismatch
from gateway.settings import Settings
from gateway.targets import Reply, ServedModel, Target
from tests.tiny_model import tiny_contract


class FakeClient:
    """ModelClient's methods; scores are the channel means over 255, repeated.

    versions maps a version to its contract; the highest is the latest. failure, once
    set, is raised by every call.
    """

    def __init__(self, versions=None):
        self.versions = versions or {1: tiny_contract()}
        self.cached = {}
        self.batches = []
        self.failure = None
        self.score_rows = None

    def contract(self, target, deadline):
        """The latest contract stays cached until predict names a newer version."""
        key = (target.model, target.version)
        if key not in self.cached:
            return self.read_contract(target, deadline)
        return self.cached[key]

    def read_contract(self, target, _deadline):
        """What the target says now."""
        self._fail()
        version = target.version or max(self.versions)
        served = ServedModel(target.model, version, self.versions[version])
        self.cached[(target.model, target.version)] = served
        return served

    def predict(self, target, batch, _deadline):
        """A wrong image size is refused, as a model server does."""
        self._fail()
        version = target.version or max(self.versions)
        contract = self.versions[version]
        self.batches.append((version, batch))
        if batch.shape[1:3] != contract.image.size:
            raise ModelMismatch("another image size")
        if self.score_rows is not None:
            return Reply(version, np.asarray(self.score_rows, np.float32))
        means = batch.mean(axis=(1, 2)) / 255
        columns = np.arange(len(contract.labels)) % 3
        return Reply(version, means[:, columns].astype(np.float32))

    def states(self, _model, _deadline):
        """Every version is there."""
        self._fail()
        return {version: "AVAILABLE" for version in self.versions}

    def _fail(self):
        if self.failure is not None:
            raise self.failure


class FakeFetch:
    """Gives the pictures it was told, by address."""

    def __init__(self):
        self.pictures = {}

    def __call__(self, url):
        return self.pictures[url]


@pytest.fixture(name="client")
def _client():
    return FakeClient()


@pytest.fixture(name="fetch")
def _fetch():
    return FakeFetch()


@pytest.fixture(name="settings")
def _settings():
    return Settings(models=("tiny", "second"), max_image_bytes=200_000)


@pytest.fixture(name="web")
def _web(settings, client, fetch):
    """Flask's test client of the whole gateway."""
    return create_app(settings, client, fetch).test_client()


@pytest.fixture(name="target")
def _target():
    """The latest version of the tiny model."""
    return Target("tiny")


@pytest.fixture(name="red")
def _red():
    """A flat red PNG, 60 x 30: channel means 1, 0, 0."""
    file = io.BytesIO()
    Image.new("RGB", (60, 30), (255, 0, 0)).save(file, "PNG")
    return file.getvalue()
