"""POST /predict through the whole app: every input form, every failure."""

from __future__ import annotations

import base64
import io
import math

import pytest

from gateway.errors import ModelFailed, ModelMismatch, ModelTimeout, ModelUnavailable
from tests.unit.gateway.sending import (
    encode_base64,
    send_form,
    send_json,
    send_raw,
)


def test_reply(web, red):
    """The reply has the fixed shape: who, one prediction, times, request id."""
    reply = send_raw(web, red)

    assert reply.status_code == 200
    document = reply.json
    assert set(document.pop("timings")) == {"decode_ms", "model_ms", "total_ms"}
    assert document == {
        "model": "tiny",
        "version": 1,
        "predictions": [
            {
                "label": "red",
                "score": 1.0,
                "scores": [
                    {"label": "red", "score": 1.0},
                    {"label": "green", "score": 0.0},
                    {"label": "blue", "score": 0.0},
                ],
            }
        ],
        "request_id": reply.headers["X-Request-ID"],
    }


def test_multipart(web, red):
    """A form with one file is answered."""
    assert send_form(web, red).json["predictions"][0]["label"] == "red"


def test_multipart_field_name(web, red):
    """The file's field may have any name."""
    data = {"file": (io.BytesIO(red), "a.png")}

    reply = web.post("/predict", data=data, content_type="multipart/form-data")

    assert reply.json["predictions"][0]["label"] == "red"


@pytest.mark.parametrize(
    "kind", ["image/png", "image/jpeg", "application/octet-stream", None]
)
def test_raw(web, red, kind):
    """A raw body is answered; its bytes, not its content type, decide the format."""
    assert send_raw(web, red, kind).json["predictions"][0]["label"] == "red"


@pytest.mark.parametrize(
    "write",
    [
        encode_base64,
        lambda data: base64.urlsafe_b64encode(data).decode().rstrip("="),
        lambda data: base64.encodebytes(data).decode(),
        lambda data: "data:image/png;base64," + encode_base64(data),
        lambda data: "DATA:;BASE64," + encode_base64(data),
    ],
    ids=["plain", "url-safe", "line-breaks", "data-url", "upper-case"],
)
def test_base64(web, red, write):
    """Base64 in JSON is answered, in every dialect in use."""
    assert send_json(web, {"image": write(red)}).json["predictions"][0]["score"] == 1


def test_url(web, fetch, red):
    """An address in JSON or in a form is fetched."""
    fetch.pictures["https://example.org/a.png"] = red

    by_json = send_json(web, {"url": "https://example.org/a.png"})
    by_form = send_form(web, url="https://example.org/a.png")

    assert by_json.json["predictions"] == by_form.json["predictions"]
    assert by_json.json["predictions"][0]["label"] == "red"


def test_named_model(web, red):
    """?model= chooses among the models; empty, the default."""
    by_name = web.post("/predict?model=second", data=red, content_type="image/png")
    by_default = web.post("/predict?model=", data=red, content_type="image/png")

    assert (by_name.json["model"], by_default.json["model"]) == ("second", "tiny")


def test_unknown_model(web, red):
    """A model that is not served is a 404 that names those that are."""
    reply = web.post("/predict?model=cats", data=red, content_type="image/png")

    assert reply.status_code == 404
    assert reply.json["code"] == "unknown_model"
    assert "tiny, second" in reply.json["detail"] and "cats" in reply.json["detail"]


def test_truncated_picture(web, encode_picture):
    """Half a JPEG is refused, never guessed."""
    data = encode_picture("RGB", "JPEG", size=(300, 200))

    reply = send_raw(web, data[: len(data) // 2])

    assert (reply.status_code, reply.json["code"]) == (400, "invalid_image")


@pytest.mark.parametrize(
    "failure, status",
    [
        (ModelUnavailable("model 'tiny': away"), 503),
        (ModelTimeout("model 'tiny': slow"), 504),
        (ModelMismatch("model 'tiny': other"), 502),
        (ModelFailed("model 'tiny': broken"), 502),
    ],
)
def test_model_failures(web, client, red, failure, status):
    """What the model server does is told as a problem; only 503 says when to retry."""
    client.failure = failure

    reply = send_raw(web, red)

    assert (reply.status_code, reply.json["detail"]) == (status, str(failure))
    assert ("Retry-After" in reply.headers) is (status == 503)


@pytest.mark.parametrize(
    "rows, code",
    [
        ([[0.5, 0.5]], "model_mismatch"),
        ([[0.1, 0.2, 0.3, 0.4]], "model_mismatch"),
        ([[math.nan, 0.5, 0.5]], "model_failed"),
        ([[math.inf, 0.5, 0.5]], "model_failed"),
    ],
)
def test_wrong_scores(web, client, red, rows, code):
    """Scores that do not fit the labels, or are no numbers, are never shown."""
    client.score_rows = rows

    reply = send_raw(web, red)

    assert (reply.status_code, reply.json["code"]) == (502, code)


@pytest.mark.parametrize(
    "name, status, model", [("second", 200, "second"), ("nope", 404, None)]
)
def test_model_named_in_the_body(web, red, name, status, model):
    """A form field or a JSON field names the model as the address does."""
    form = send_form(web, red, model=name)
    document = send_json(web, {"image": encode_base64(red), "model": name})

    for reply in (form, document):
        assert reply.status_code == status
        assert reply.json.get("model") == model


def test_model_in_address_and_body(web, red):
    """The address comes first."""
    data = {"image": (io.BytesIO(red), "a.png"), "model": "tiny"}

    reply = web.post("/predict?model=second", data=data)

    assert reply.json["model"] == "second"


def test_model_that_is_no_text(web, red):
    """A number as model is refused, not ignored."""
    reply = send_json(web, {"image": encode_base64(red), "model": 2})

    assert reply.status_code == 400
    assert "expected text as 'model'" in reply.json["detail"]


def test_timings(web, red):
    """The times are in the JSON and in Server-Timing; the stages fit in the total."""
    reply = send_raw(web, red)

    times = reply.json["timings"]
    header = reply.headers["Server-Timing"]
    assert header == ", ".join(
        f"{stage};dur={times[f'{stage}_ms']:.3f}"
        for stage in ("decode", "model", "total")
    )
    assert times["decode_ms"] > 0
    # Each is rounded to a thousandth of a millisecond.
    assert times["decode_ms"] + times["model_ms"] <= times["total_ms"] + 0.002


@pytest.mark.parametrize("top, count", [("1", 1), ("2", 2), ("3", 3), ("50", 3)])
def test_top(web, red, top, count):
    """?top= tells so many of the best scores."""
    reply = web.post(f"/predict?top={top}", data=red, content_type="image/png")

    (prediction,) = reply.json["predictions"]
    names = [entry["label"] for entry in prediction["scores"]]
    assert names == ["red", "green", "blue"][:count]
    assert prediction["label"] == "red"
