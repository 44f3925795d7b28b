"""Batches of real photos, versions and labels, through a real model server."""

from __future__ import annotations

import base64
import io

import pytest

from gateway.app import create_app
from gateway.model_client import MAX_BATCH_BYTES, ModelClient
from gateway.settings import Settings
from serving.served_model import ModelConfig
from serving.version_policy import VersionPolicy
from tests.integration.tiny_answers import expected_scores, received_scores
from tests.tiny_model import LABELS, tiny_contract, write_tiny_model

# What each version knows and wants; "stable" is version 1.
VERSIONS = {1: (LABELS, (8, 10)), 2: (("cat", "dog", "owl"), (6, 4))}
# A picture of 24 MB as the model takes it: two fit in one message, three do not.
HUGE = (2_000, 4_000)
PHOTOS = 8


@pytest.fixture(name="gateway", scope="module")
def _gateway(start_model_server, tmp_path_factory):
    """Flask's test client in front of two versions of one model, and of a huge one."""
    models = tmp_path_factory.mktemp("inputs")
    for version, (labels, size) in VERSIONS.items():
        write_tiny_model(models / "tiny", version, tiny_contract(labels, size))
    write_tiny_model(models / "huge", 1, tiny_contract(size=HUGE, name="huge"))
    every = VersionPolicy(latest=None)
    tiny = ModelConfig(
        name="tiny",
        base_path=str(models / "tiny"),
        policy=every,
        labels={"stable": 1},
    )
    huge = ModelConfig(name="huge", base_path=str(models / "huge"))
    server = start_model_server(
        configs=[tiny, huge], allow_version_labels_for_unavailable_models=True
    )
    client = ModelClient(f"localhost:{server.grpc_port}")
    yield create_app(Settings(models=("tiny", "huge")), client).test_client()
    client.close()


@pytest.fixture(name="photos", scope="module")
def _photos(datasets_dir):
    """Some real photos of the pizza test set."""
    files = sorted((datasets_dir / "pizza-not-pizza" / "test").rglob("*.jpg"))
    return [file.read_bytes() for file in files[:: len(files) // PHOTOS][:PHOTOS]]


def post_files(gateway, pictures, address="/predict"):
    """A form with all pictures."""
    files = [(io.BytesIO(data), f"{i}.jpg") for i, data in enumerate(pictures)]
    return gateway.post(address, data={"images": files})


def check(prediction, photo, version):
    """One entry has the labels and scores that NumPy gives for the version."""
    labels, size = VERSIONS[version]
    # float32 through a softmax in another order of additions: six digits.
    assert received_scores(prediction) == pytest.approx(
        expected_scores(photo, size, labels), rel=1e-6
    )


def test_mixed_batch(gateway, photos):
    """Each photo of a batch gets its own scores; what is broken, its own error."""
    half = photos[0][: len(photos[0]) // 2]
    mixed = [*photos[:3], half, *photos[3:], b"text"]

    reply = post_files(gateway, mixed)

    assert reply.status_code == 200
    entries = reply.json["predictions"]
    assert len(entries) == PHOTOS + 2
    assert entries.pop()["error"]["code"] == "unsupported_image"
    assert entries.pop(3)["error"]["code"] == "invalid_image"
    for entry, photo in zip(entries, photos):
        check(entry, photo, version=2)


def test_forms_agree(gateway, photos):
    """Files and base64 get the same answers, and each photo alone gets its own."""
    texts = [base64.b64encode(photo).decode() for photo in photos]

    by_files = post_files(gateway, photos)
    by_text = gateway.post("/predict", json={"images": texts})
    alone = [gateway.post("/predict", data=photo).json for photo in photos]

    assert by_files.json["predictions"] == by_text.json["predictions"]
    for together, single in zip(by_files.json["predictions"], alone):
        # Rows of one run and runs of one row may add in another order.
        assert received_scores(together) == pytest.approx(
            received_scores(single["predictions"][0]), rel=1e-6
        )


@pytest.mark.parametrize(
    "query, version",
    [("", 2), ("?version=1", 1), ("?version=2", 2), ("?label=stable", 1)],
)
def test_versions(gateway, photos, query, version):
    """A version answers by its number or its label; without either, the latest."""
    reply = post_files(gateway, photos[:2], "/predict" + query)

    assert reply.json["version"] == version
    for entry, photo in zip(reply.json["predictions"], photos):
        check(entry, photo, version)


@pytest.mark.parametrize(
    "query, named", [("version=7", "version 7"), ("label=canary", "label 'canary'")]
)
def test_not_loaded(gateway, photos, query, named):
    """A version or label that the server lacks is a 404 in a sentence."""
    for _ in range(2):
        reply = post_files(gateway, photos[:1], f"/predict?{query}")

        assert (reply.status_code, reply.json["code"]) == (404, "unknown_version")
        assert reply.json["detail"] == (
            f"model 'tiny': expected a version that is loaded, received {named}"
        )


def test_more_than_a_message(gateway, photos):
    """More pixels than one gRPC message holds are refused with what would fit."""
    height, width = HUGE
    assert 2 * height * width * 3 < MAX_BATCH_BYTES < 3 * height * width * 3

    refused = post_files(gateway, photos[:3], "/predict?model=huge")

    assert (refused.status_code, refused.json["code"]) == (413, "too_many_images")
    assert refused.json["detail"].startswith("expected at most 2 pictures at once")
