"""An app with a client that answers from memory; no sockets, no TensorFlow."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

from gateway.app import create_app
from gateway.errors import FetchFailed, ModelMismatch, UnknownVersion
from gateway.settings import Settings
from gateway.targets import Reply, ServedModel, Target
from tests.tiny_model import tiny_contract
from tests.unit.gateway.sending import send_base64, send_files, send_form, send_json


class FakeClient:
    """ModelClient's methods; scores are the channel means over 255, repeated.

    versions maps a version to its contract; the highest is the latest. labels maps a
    label to its version. failure, once set, is raised by every call.
    """

    def __init__(self, versions=None):
        self.versions = versions or {1: tiny_contract()}
        self.labels = {}
        self.cached = {}
        self.batches = []
        self.failure = None
        self.score_rows = None
        self.can_explain = False

    def contract(self, target, deadline):
        """The latest contract stays cached until predict names a newer version."""
        return self.cached.get(target) or self.read_contract(target, deadline)

    def read_contract(self, target, _deadline):
        """What the target says now."""
        version = self._version(target)
        contract = self.versions[version]
        served = ServedModel(target.model, version, contract, self.can_explain)
        self.cached[target] = served
        return served

    def predict(self, target, batch, _deadline):
        """A wrong image size is refused, as a model server does."""
        version = self._version(target)
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

    def _version(self, target):
        """The version that a target means, if it is there."""
        self._fail()
        named = target.version or self.labels.get(target.label)
        if target.label is None and named is None:
            return max(self.versions)
        if named not in self.versions:
            raise UnknownVersion(f"no {target}")
        return named

    def _fail(self):
        if self.failure is not None:
            raise self.failure


class FakeFetch:
    """Gives the pictures it was told, by address; there is no other."""

    def __init__(self):
        self.pictures = {}

    def __call__(self, url):
        if url not in self.pictures:
            raise FetchFailed(f"nothing at {url}")
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


@pytest.fixture(name="send", params=["files", "base64", "urls", "form-urls"])
def _send(request, fetch):
    """Every way to send several pictures in order."""

    def address(pictures):
        urls = [f"https://example.org/{place}.png" for place in range(len(pictures))]
        fetch.pictures.update(zip(urls, pictures))
        return urls

    ways = {
        "files": send_files,
        "base64": send_base64,
        "urls": lambda web, pictures: send_json(web, {"urls": address(pictures)}),
        "form-urls": lambda web, pictures: send_form(web, url=address(pictures)),
    }
    return ways[request.param]
