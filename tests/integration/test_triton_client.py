"""NVIDIA's tritonclient, unmodified, against the gateway and a real model server."""

from __future__ import annotations

import base64

import numpy as np
import pytest
from tritonclient import http as triton
from tritonclient.utils import InferenceServerException

from serving.served_model import ModelConfig
from serving.version_policy import VersionPolicy
from tests.integration.gateway_process import running_gateway
from tests.integration.tiny_answers import expected_scores
from tests.tiny_model import LABELS, tiny_contract, write_tiny_model

SIZE = (8, 10)


@pytest.fixture(name="url", scope="module")
def _url(start_model_server, tmp_path_factory):
    """The gateway as a process of its own, before two versions of the tiny model."""
    base_path = tmp_path_factory.mktemp("triton") / "tiny"
    write_tiny_model(base_path, 1, tiny_contract(labels=("no", "yes")))
    write_tiny_model(base_path, 2)
    both = VersionPolicy(latest=None)
    server = start_model_server(
        configs=[ModelConfig(name="tiny", base_path=str(base_path), policy=both)]
    )
    address = f"localhost:{server.grpc_port}"
    limits = {"max_image_bytes": 100_000, "max_body_bytes": 200_000}
    with running_gateway(models="tiny", model_address=address, **limits) as gateway:
        yield f"127.0.0.1:{gateway.port}"


@pytest.fixture(name="client")
def _client(url):
    with triton.InferenceServerClient(url) as client:
        yield client


@pytest.fixture(name="photos")
def _photos(encode_picture):
    """Two different photos in two formats."""
    return encode_picture("RGB", "JPEG"), encode_picture("L", "PNG", size=(30, 70))


def pictures(*photos, is_binary=True):
    """The tensor `image` of encoded files; in JSON they are base64."""
    texts = photos if is_binary else [base64.b64encode(photo) for photo in photos]
    tensor = triton.InferInput("image", [len(photos)], "BYTES")
    tensor.set_data_from_numpy(np.array(texts, np.object_), binary_data=is_binary)
    return [tensor]


def pixels(batch, is_binary=True):
    """The tensor `images` of pixels."""
    tensor = triton.InferInput("images", batch.shape, "UINT8")
    tensor.set_data_from_numpy(batch, binary_data=is_binary)
    return [tensor]


def scores_of(photos):
    """What the tiny model says of some photos, worked out here; (n, 3)."""
    rows = [expected_scores(photo, SIZE, LABELS) for photo in photos]
    return [[row[label] for label in LABELS] for row in rows]


def test_health(client):
    """Server and models are live and ready; what is not there is not."""
    assert client.is_server_live()
    assert client.is_server_ready()
    assert client.is_model_ready("tiny")
    assert client.is_model_ready("tiny", "1")
    assert not client.is_model_ready("tiny", "3")
    assert not client.is_model_ready("cats")


def test_metadata(client):
    """The client finds what it must know to ask: tensors, shapes and versions."""
    server = client.get_server_metadata()
    latest = client.get_model_metadata("tiny")
    first = client.get_model_metadata("tiny", "1")

    assert server["extensions"] == ["binary_tensor_data", "classification"]
    assert latest["versions"] == ["1", "2"]
    inputs = {(t["name"], t["datatype"], tuple(t["shape"])) for t in latest["inputs"]}
    assert inputs == {("image", "BYTES", (-1,)), ("images", "UINT8", (-1, 8, 10, 3))}
    assert [output["shape"] for output in latest["outputs"]] == [[-1, 3], [-1]]
    assert first["outputs"][0]["shape"] == [-1, 2]


@pytest.mark.parametrize("compression", [None, "gzip", "deflate"])
@pytest.mark.parametrize("is_binary", [True, False])
def test_pictures(client, photos, is_binary, compression):
    """Encoded files, as bytes or base64 and compressed or not, are decoded here."""
    result = client.infer(
        "tiny",
        pictures(*photos, is_binary=is_binary),
        request_id="42",
        request_compression_algorithm=compression,
        response_compression_algorithm=compression,
    )

    expected = scores_of(photos)
    assert result.get_response()["id"] == "42"
    assert result.get_response()["model_version"] == "2"
    # float32 through a softmax in another order of additions: six digits.
    np.testing.assert_allclose(result.as_numpy("scores"), expected, rtol=1e-6)
    best = [LABELS[np.argmax(row)].encode() for row in expected]
    assert result.as_numpy("label").tolist() == best


@pytest.mark.parametrize("is_binary", [True, False])
def test_pixels(client, is_binary):
    """Pixels go to the model as they are, whatever way they and the scores travel."""
    batch = np.random.default_rng(5).integers(0, 256, (3, 8, 10, 3), np.uint8)
    wanted = [triton.InferRequestedOutput("scores", binary_data=is_binary)]

    result = client.infer("tiny", pixels(batch, is_binary), outputs=wanted)

    weights = np.exp(batch.reshape(3, -1, 3).mean(axis=1) / 255)
    expected = weights / weights.sum(axis=1, keepdims=True)
    np.testing.assert_allclose(result.as_numpy("scores"), expected, rtol=1e-6)
    assert result.as_numpy("label") is None


def test_version(client, photos):
    """A version that the client names is the one that answers."""
    result = client.infer("tiny", pictures(*photos), model_version="1")

    assert result.get_response()["model_version"] == "1"
    assert set(result.as_numpy("label").tolist()) <= {b"no", b"yes"}


@pytest.mark.parametrize("is_binary", [True, False])
def test_classification(client, photos, is_binary):
    """class_count gives the best classes with their labels, best first."""
    wanted = triton.InferRequestedOutput("scores", is_binary, class_count=2)

    result = client.infer("tiny", pictures(*photos), outputs=[wanted])

    rows = result.as_numpy("scores")
    assert rows.shape == (2, 2)
    for row, scores in zip(rows, scores_of(photos)):
        texts = [text.decode() if is_binary else text for text in row]
        # Gray: three equal scores, of which the first count.
        order = np.argsort(np.negative(scores), kind="stable")[:2]
        assert [text.split(":")[1:] for text in texts] == [
            [str(place), LABELS[place]] for place in order
        ]
        # Six decimals.
        values = [float(text.split(":")[0]) for text in texts]
        np.testing.assert_allclose(values, np.sort(scores)[::-1][:2], atol=1e-6)


def test_asynchronous(client, photos):
    """Calls that the client does not wait for are answered all the same."""
    calls = [client.async_infer("tiny", pictures(photo)) for photo in photos]

    rows = [call.get_result().as_numpy("scores")[0] for call in calls]

    np.testing.assert_allclose(rows, scores_of(photos), rtol=1e-6)


def refused(call, *arguments, **fields):
    """Status and sentence of what the client raises."""
    with pytest.raises(InferenceServerException) as caught:
        call(*arguments, **fields)
    return caught.value.status(), caught.value.message()


def test_errors(client, photos):
    """Every refusal reaches the client as its own exception with our sentence."""
    infer = client.infer
    cut = photos[0][:500]
    large = bytes(100_001)
    small = np.zeros((1, 6, 4, 3), np.uint8)
    wanted = [triton.InferRequestedOutput("logits")]
    cases = [
        (refused(infer, "cats", pictures(*photos)), ("404", "one of tiny")),
        (refused(infer, "tiny", pictures(photos[0], cut)), ("400", "'image[1]'")),
        (refused(infer, "tiny", pictures(b"text")), ("415", "JPEG")),
        (refused(infer, "tiny", pictures(large)), ("413", "100000 bytes")),
        (refused(infer, "tiny", pictures(*[large] * 4)), ("413", "bytes in all")),
        (refused(infer, "tiny", pictures(*[b""] * 33)), ("413", "at most 32")),
        (refused(infer, "tiny", pixels(small)), ("400", "[1, 8, 10, 3]")),
        (refused(infer, "tiny", pictures(photos[0]), outputs=wanted), ("400", "label")),
        (refused(infer, "tiny", pictures(*photos), "7"), ("404", "version 7")),
        (refused(infer, "tiny", pictures(photos[0]), timeout=1), ("504", "in time")),
        (refused(client.get_model_metadata, "cats"), ("404", "one of tiny")),
        (refused(client.get_model_config, "tiny"), ("404", "not found")),
        (refused(client.get_model_repository_index), ("404", "not found")),
    ]

    for (status, sentence), (expected_status, part) in cases:
        assert (status, part in sentence) == (expected_status, True), sentence
