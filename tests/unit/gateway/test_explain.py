"""POST /explain through the whole app: JSON, PNG, and what is refused."""

from __future__ import annotations

import base64
import io
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from gateway.app import create_app
from gateway.errors import ModelMismatch, ModelUnavailable
from tests.tiny_model import tiny_contract
from tests.unit.gateway.drawing import encode
from tests.unit.gateway.explaining import ExplainingClient


@pytest.fixture(name="client")
def _client():
    return ExplainingClient()


@pytest.fixture(name="web")
def _web(settings, client, fetch):
    return create_app(settings, client, fetch).test_client()


@pytest.fixture(name="half_red")
def _half_red():
    """Black on the left, red on the right: 60 x 30."""
    pixels = np.zeros((30, 60, 3), np.uint8)
    pixels[:, 30:, 0] = 255
    return encode(Image.fromarray(pixels), "PNG")


def explain(web, picture, address="/explain", **headers):
    """A raw upload."""
    return web.post(address, data=picture, content_type="image/png", headers=headers)


def read_png(data):
    """int, shape (height, width, 3)."""
    with Image.open(io.BytesIO(data)) as picture:
        assert picture.format == "PNG"
        return np.asarray(picture).astype(int)


def test_reply(web, half_red):
    """The reply is that of /predict with the map and a picture of it added."""
    reply = explain(web, half_red)

    predicted = web.post("/predict", data=half_red, content_type="image/png").json
    assert reply.status_code == 200
    assert reply.json["predictions"] == predicted["predictions"]
    assert set(reply.json) == set(predicted) | {"heatmap", "overlay"}
    assert reply.json["heatmap"] == [[0.0, 1.0]]
    assert "decode;dur=" in reply.headers["Server-Timing"]
    assert reply.json["request_id"] == reply.headers["X-Request-ID"]


def test_overlay_in_json(web, half_red):
    """The overlay is a data URL of the very PNG that Accept: image/png gives."""
    document = explain(web, half_red, Accept="application/json").json
    picture = explain(web, half_red, Accept="image/png")

    head, _, text = document["overlay"].partition(",")
    assert head == "data:image/png;base64"
    assert base64.b64decode(text, validate=True) == picture.data
    assert picture.mimetype == "image/png"
    assert "total;dur=" in picture.headers["Server-Timing"]


def test_overlay_place(web, half_red):
    """The overlay glows on the side that the map calls hot."""
    pixels = read_png(explain(web, half_red, Accept="image/png").data)

    assert pixels.shape == (30, 60, 3)
    assert pixels[15, 57].sum() > 300 > 60 > pixels[15, 2].sum()


@pytest.mark.parametrize("orientation", [1, 6])
def test_overlay_shape(web, encode_picture, orientation):
    """A large photo's overlay is 640 pixels long, in its proportions, upright."""
    photo = encode_picture(size=(1600, 400), orientation=orientation)

    pixels = read_png(explain(web, photo, Accept="image/png").data)

    expected = (160, 640, 3) if orientation == 1 else (640, 160, 3)
    assert pixels.shape == expected


@pytest.mark.parametrize(
    "size, expected",
    [((1, 1), (1, 1, 3)), ((20_000, 1), (1, 640, 3)), ((3, 9_000), (640, 1, 3))],
)
def test_overlay_of_extremes(web, encode_picture, size, expected):
    """A line of pixels is explained too; no side is ever nothing."""
    photo = encode_picture("RGB", "PNG", size=size)

    pixels = read_png(explain(web, photo, Accept="image/png").data)

    assert pixels.shape == expected


@pytest.mark.parametrize("accept", ["*/*", "text/html", "application/json, image/png"])
def test_json_by_default(web, half_red, accept):
    """Only who prefers a PNG gets one."""
    assert explain(web, half_red, Accept=accept).mimetype == "application/json"


def test_without_overlay(web, half_red):
    """?overlay=false leaves the picture out; a PNG was asked for by its type."""
    document = explain(web, half_red, "/explain?overlay=false").json
    picture = explain(web, half_red, "/explain?overlay=0", Accept="image/png")

    assert "overlay" not in document and document["heatmap"] == [[0.0, 1.0]]
    assert picture.mimetype == "image/png"


def test_bad_switch(web, half_red):
    """Anything but true and false is refused with what was received."""
    reply = explain(web, half_red, "/explain?overlay=maybe")

    assert (reply.status_code, reply.json["code"]) == (400, "invalid_request")
    assert "true or false" in reply.json["detail"] and "maybe" in reply.json["detail"]


def test_top(web, half_red):
    """top=1 tells one score, as in /predict."""
    reply = explain(web, half_red, "/explain?top=1&model=second").json

    assert reply["model"] == "second"
    assert len(reply["predictions"][0]["scores"]) == 1


def test_two_pictures(web, half_red):
    """One picture at a time."""
    files = [(io.BytesIO(half_red), "a.png"), (io.BytesIO(half_red), "b.png")]

    reply = web.post("/explain", data={"image": files})

    assert (reply.status_code, reply.json["code"]) == (413, "too_many_images")
    assert "expected one" in reply.json["detail"] and "2" in reply.json["detail"]


@pytest.mark.parametrize(
    "body, status", [(b"", 400), (b"no picture", 415), (b"\x89PNG\r\n\x1a\n", 415)]
)
def test_no_picture(web, body, status):
    """What /predict refuses is refused here, in the same form, whatever was asked."""
    for accept in ("application/json", "image/png"):
        reply = explain(web, body, Accept=accept)

        assert reply.status_code == status
        assert reply.mimetype == "application/problem+json"


def test_too_many_bytes(web, settings):
    """The limit of bytes holds here too."""
    reply = explain(web, bytes(settings.max_image_bytes + 1))

    assert (reply.status_code, reply.json["code"]) == (413, "image_too_large")


def test_model_that_does_not_explain(web, client, half_red):
    """A model that only predicts is a 404 that says so."""
    client.silent = (1,)

    reply = explain(web, half_red)

    assert (reply.status_code, reply.json["code"]) == (404, "no_explanation")


@pytest.mark.parametrize(
    "failure, status", [(ModelUnavailable("away"), 503), (ModelMismatch("other"), 502)]
)
def test_model_failures(web, client, half_red, failure, status):
    """What the model server does is told as a problem."""
    client.failure = failure

    reply = explain(web, half_red)

    assert (reply.status_code, reply.json["detail"]) == (status, str(failure))


def test_swapped_model(web, client, half_red):
    """A version that wants another size is asked again: map and labels are its own."""
    explain(web, half_red)
    client.versions[2] = tiny_contract(labels=("cat", "dog"), size=(6, 4))

    reply = explain(web, half_red).json

    assert reply["version"] == 2
    assert reply["heatmap"] == [[0.0, 1.0]]
    labels = {score["label"] for score in reply["predictions"][0]["scores"]}
    assert labels == {"cat", "dog"}


def test_swapped_model_of_any_size(web, client, half_red):
    """A version that takes the old size too: the map is of the pixels it wants."""
    explain(web, half_red)
    client.versions[2] = tiny_contract(size=(6, 4))
    ask = client.predict
    client.predict = lambda target, batch, deadline: ask(
        target, batch if target.version else np.zeros((1, 6, 4, 3), np.uint8), deadline
    )
    ask_why = client.explain
    maps = iter([np.zeros((1, 1, 2), np.float32)])

    def explain_black(*question):
        explained = ask_why(*question)
        return replace(explained, heatmaps=next(maps, explained.heatmaps))

    client.explain = explain_black

    reply = explain(web, half_red).json

    assert (reply["version"], reply["heatmap"]) == (2, [[0.0, 1.0]])


def test_get(web):
    """Reading the address is answered by what it takes."""
    reply = web.get("/explain")

    assert reply.status_code == 405 and "POST" in reply.headers["Allow"]
