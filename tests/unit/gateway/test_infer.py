"""POST /v2/models/M/infer: inputs, outputs, and what is refused."""

from __future__ import annotations

import numpy as np
import pytest

from gateway.errors import ModelFailed
from tests.tiny_model import tiny_contract
from tests.unit.gateway.inferring import (
    INFER,
    binary_pictures,
    binary_request,
    json_pictures,
    json_pixels,
    outputs_of,
    refusal,
)

# Channel means of 255, 51 and 0 are scores of 1, 0.2 and 0.
ORANGE = np.full((1, 8, 10, 3), (255, 51, 0), np.uint8)


def test_json_picture(web, red):
    """A picture in base64 is decoded and classified; the reply names who answered."""
    reply = web.post(INFER, json=json_pictures(red))

    assert reply.mimetype == "application/json"
    assert reply.json == {
        "model_name": "tiny",
        "model_version": "1",
        "outputs": [
            {
                "name": "scores",
                "datatype": "FP32",
                "shape": [1, 3],
                "data": [1.0, 0.0, 0.0],
            },
            {"name": "label", "datatype": "BYTES", "shape": [1], "data": ["red"]},
        ],
    }
    assert "model;dur=" in reply.headers["Server-Timing"]


def test_binary_pictures(web, client, red, encode_picture):
    """Files behind the JSON are decoded as they are, in one batch, in their order."""
    photo = encode_picture("RGB", "JPEG")

    both = outputs_of(web.post(INFER, **binary_pictures(red, photo)))

    alone = web.post("/predict", data=photo, content_type="image/jpeg").json
    scores = alone["predictions"][0]["scores"]
    photo_scores = dict(zip(("red", "green", "blue"), both["scores"][3:]))
    assert both["scores"][:3] == [1.0, 0.0, 0.0]
    assert photo_scores == {entry["label"]: entry["score"] for entry in scores}
    assert both["label"] == ["red", alone["predictions"][0]["label"]]
    assert len(client.batches[0][1]) == 2


@pytest.mark.parametrize("shape", [[1], [1, 1]])
def test_picture_shapes(web, red, shape):
    """One picture may be [1] or, as batching clients write it, [1, 1]."""
    request = json_pictures(red)
    request["inputs"][0]["shape"] = shape

    assert outputs_of(web.post(INFER, json=request))["label"] == ["red"]


def test_json_pixels(web, client):
    """Pixels go on as they are, flat or nested as their shape."""
    flat = web.post(INFER, json=json_pixels(ORANGE))
    nested = web.post(INFER, json=json_pixels(ORANGE, data=ORANGE.tolist()))

    assert outputs_of(flat)["scores"] == [1.0, 0.2, 0.0] == outputs_of(nested)["scores"]
    for _, batch in client.batches:
        np.testing.assert_array_equal(batch, ORANGE)


def test_binary_pixels(web, client):
    """Pixels behind the JSON are row by row."""
    batch = np.arange(2 * 8 * 10 * 3, dtype=np.uint8).reshape(2, 8, 10, 3)
    request = binary_request("images", batch.shape, "UINT8", batch.tobytes())

    assert web.post(INFER, **request).status_code == 200

    np.testing.assert_array_equal(client.batches[0][1], batch)


def test_version(web, client, red):
    """A version in the address is the one that answers."""
    client.versions = {1: tiny_contract(labels=("a", "b")), 2: tiny_contract()}

    reply = web.post("/v2/models/tiny/versions/1/infer", json=json_pictures(red))

    assert reply.json["model_version"] == "1"
    assert outputs_of(reply)["label"] == ["a"]


@pytest.mark.parametrize("name", ["", "42", "a\ud800\n\u1234" * 100])
def test_id(web, red, name):
    """The caller's id comes back as it was."""
    reply = web.post(INFER, json=json_pictures(red, id=name))

    assert reply.json["id"] == name


@pytest.mark.parametrize(
    "changes, message",
    [
        ({"name": "pictures"}, "'image' or 'images'"),
        ({"datatype": "UINT8"}, "datatype BYTES"),
        ({"datatype": None}, "text as 'datatype', received null"),
        ({"shape": [2]}, "received 1"),
        ({"shape": []}, "shape [n]"),
        ({"shape": [1, 2]}, "shape [n]"),
        ({"shape": [0]}, "from 1"),
        ({"shape": [-1]}, "from 1"),
        ({"shape": [True]}, "whole numbers"),
        ({"shape": [1.0]}, "whole numbers"),
        ({"shape": [2**64]}, "whole numbers"),
        ({"shape": 1}, "a list as 'shape'"),
        ({"data": [1]}, "base64 text as 'image[0]', received a number"),
        ({"data": ["*"]}, "'image[0]'"),
        ({"data": [["cmVk", "cmVk"]]}, "'image[0]'"),
        ({"data": "cmVk"}, "a list as 'data'"),
        ({"parameters": None}, "an object as 'parameters'"),
        ({"parameters": {"binary_data_size": 3}}, "received both"),
        ({"parameters": {"shared_memory_region": "a"}}, "shared memory"),
    ],
)
def test_bad_picture_tensor(web, red, changes, message):
    """A tensor that disagrees with itself or the model says how."""
    request = json_pictures(red)
    request["inputs"][0].update(changes)

    status, error = refusal(web.post(INFER, json=request))

    assert status == 400 and message in error


@pytest.mark.parametrize(
    "changes, message",
    [
        ({"datatype": "FP32"}, "datatype UINT8"),
        ({"shape": [8, 10, 3]}, "[n, height, width, 3]"),
        ({"shape": [1, 10, 8, 3]}, "[1, 8, 10, 3]"),
        ({"shape": [1, 8, 30, 1]}, "[1, 8, 10, 3]"),
        ({"shape": [2, 8, 10, 3]}, "received 240"),
        ({"shape": [10**18, 10**18, 10**18, 3]}, "at most 32 pictures"),
        ({"shape": [1, 10**18, 10**18, 3]}, "received 240"),
        ({"data": [256] * 240}, "from 0 to 255"),
        ({"data": [-1] * 240}, "from 0 to 255"),
        ({"data": [0.5] * 240}, "from 0 to 255"),
        ({"data": [10**30] * 240}, "from 0 to 255"),
        ({"data": ["0"] * 240}, "from 0 to 255"),
        ({"data": [None] * 240}, "from 0 to 255"),
        ({"data": [0] * 239}, "received 239"),
        ({"data": []}, "received 0"),
        ({"data": [[0] * 240]}, "nested"),
        ({"data": [[[[0] * 3] * 10] * 7 + [0]]}, "nested"),
        ({"data": {}}, "a list as 'data'"),
    ],
)
def test_bad_pixel_tensor(web, changes, message):
    """Pixels that are none, or too few, or of another shape, say so."""
    status, error = refusal(web.post(INFER, json=json_pixels(ORANGE, **changes)))

    assert status in (400, 413) and message in error


def test_several_inputs(web, red):
    """Pictures or pixels, not both, and not nothing."""
    two = {"inputs": json_pictures(red)["inputs"] + json_pixels(ORANGE)["inputs"]}

    for request, count in ((two, 2), ({"inputs": []}, 0)):
        status, error = refusal(web.post(INFER, json=request))
        assert (status, error) == (400, f"expected one input tensor, received {count}")


def test_bad_picture_in_a_batch(web, client, red, encode_picture):
    """One picture that cannot be read is named by its place; nothing is asked."""
    half = encode_picture(size=(300, 200))[:1000]

    status, error = refusal(web.post(INFER, **binary_pictures(red, half, red)))

    assert status == 400 and error.startswith("'image[1]': expected")
    assert not client.batches


def test_no_picture(web):
    """What is no picture at all has the status it has everywhere."""
    assert refusal(web.post(INFER, **binary_pictures(b"text")))[0] == 415


def test_most_pictures(web, settings, red):
    """As many pictures as allowed are answered, one more is refused unread."""
    most = settings.max_images
    pixels = np.zeros((most + 1, 8, 10, 3), np.uint8)
    too_many = (
        binary_pictures(*[b""] * (most + 1)),
        binary_request("images", pixels.shape, "UINT8", pixels.tobytes()),
    )

    assert len(outputs_of(web.post(INFER, **binary_pictures(*[red] * most)))["label"])
    for request in too_many:
        status, error = refusal(web.post(INFER, **request))
        assert status == 413 and f"at most {most}" in error


def test_picture_too_large(web, settings, red):
    """The limit of bytes holds for each picture, in either form."""
    large = red + bytes(settings.max_image_bytes)

    for request in (binary_pictures(red, large), {"json": json_pictures(red, large)}):
        status, error = refusal(web.post(INFER, **request))
        assert status == 413 and "'image[1]'" in error


def test_wrong_scores(web, client):
    """Scores that are no numbers are never shown."""
    client.score_rows = [[float("nan"), 0, 0]]

    reply = web.post(INFER, json=json_pixels(ORANGE))

    assert refusal(reply)[0] == ModelFailed.status


def test_swapped_model(web, client):
    """Pixels of the old size are refused once a version with another size answers."""
    assert web.post(INFER, json=json_pixels(ORANGE)).status_code == 200
    client.versions[2] = tiny_contract(size=(6, 4))

    status, error = refusal(web.post(INFER, json=json_pixels(ORANGE)))

    assert status == 400 and "[1, 6, 4, 3]" in error
