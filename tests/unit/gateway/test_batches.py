"""Several pictures in one request: their order, their errors, one call."""

from __future__ import annotations

import pytest

from gateway.settings import Settings
from tests.unit.gateway.sending import (
    draw_flat,
    encode_base64,
    read_outcomes,
    send_form,
    send_json,
    send_raw,
)

RED, GREEN, BLUE = draw_flat("red"), draw_flat("lime"), draw_flat("blue")
NO_PICTURE = b"text"
TOO_MANY_PIXELS = draw_flat("red", (50, 41))
TOO_LONG = b"x" * 200_001


@pytest.fixture(name="settings")
def _settings():
    return Settings(
        models=("tiny", "second"), max_image_bytes=200_000, max_image_pixels=2_000
    )


def test_order(web, client, send):
    """All pictures are answered in their order, by one call of the model."""
    reply = send(web, [BLUE, RED, GREEN, RED, BLUE])

    assert read_outcomes(reply) == ["blue", "red", "green", "red", "blue"]
    assert [len(batch) for _, batch in client.batches] == [5]


def test_bad_pictures(web, client, send):
    """A bad picture is an error in its place, told as its own request would be."""
    reply = send(web, [NO_PICTURE, BLUE, b"", TOO_LONG, RED, TOO_MANY_PIXELS])

    assert read_outcomes(reply) == [
        "unsupported_image",
        "blue",
        "invalid_image",
        "image_too_large",
        "red",
        "invalid_image",
    ]
    assert [len(batch) for _, batch in client.batches] == [2]
    places = {0: NO_PICTURE, 2: b"", 3: TOO_LONG, 5: TOO_MANY_PIXELS}
    for place, picture in places.items():
        alone = send_raw(web, picture).json
        told = reply.json["predictions"][place]
        assert told == {"error": {key: alone[key] for key in told["error"]}}
        assert set(told["error"]) == {"status", "code", "detail"}


def test_only_bad_pictures(web, client, send):
    """Nothing but bad pictures is an answer too, for which no model is called."""
    reply = send(web, [NO_PICTURE, b""])

    assert read_outcomes(reply) == ["unsupported_image", "invalid_image"]
    assert (reply.json["model"], reply.json["version"]) == ("tiny", 1)
    assert not client.batches


@pytest.mark.parametrize(
    "picture, status", [(b"", 400), (NO_PICTURE, 415), (TOO_LONG, 413)]
)
def test_single_bad_picture(web, send, picture, status):
    """One picture is no batch, in whatever form it comes: its error is the reply's."""
    reply = send(web, [picture])

    assert (reply.status_code, reply.json["status"]) == (status, status)
    assert reply.mimetype == "application/problem+json"


def test_files_and_addresses(web, fetch):
    """A form may hold both: files come first, then addresses."""
    fetch.pictures["https://example.org/a.png"] = GREEN

    reply = send_form(web, BLUE, RED, url="https://example.org/a.png")

    assert read_outcomes(reply) == ["blue", "red", "green"]


def test_failed_fetch(web, fetch):
    """An address that gives nothing is an error in its place, and the time is told."""
    fetch.pictures["https://example.org/a.png"] = GREEN

    reply = send_json(
        web, {"urls": ["https://example.org/gone", "https://example.org/a.png"]}
    )

    assert read_outcomes(reply) == ["fetch_failed", "green"]
    assert reply.json["timings"]["fetch_ms"] > 0
    assert reply.headers["Server-Timing"].startswith("fetch;dur=")


@pytest.mark.parametrize(
    "field, value, expected",
    [
        ("images", [5], "expected text as 'images[0]', received a number"),
        ("images", [], "expected at least one picture, received none"),
        ("urls", [], "expected at least one picture, received none"),
        ("images", "AAAA", "expected a list as 'images', received text"),
        ("urls", {"a": 1}, "expected a list as 'urls', received an object"),
        ("images", None, "expected a list as 'images', received null"),
        ("image", ["AAAA"], "expected text as 'image', received a list"),
    ],
)
def test_bad_lists(web, field, value, expected):
    """What is no list of pictures is refused with the rule."""
    reply = send_json(web, {field: value})

    assert (reply.status_code, reply.json["detail"]) == (400, expected)


def test_bad_items(web):
    """An item that is no text, or no base64, is an error in its place."""
    items = [None, encode_base64(RED), "no base64!", {"image": "AAAA"}]

    reply = send_json(web, {"images": items})

    assert read_outcomes(reply) == [
        "invalid_request",
        "red",
        "invalid_request",
        "invalid_request",
    ]
    details = [reply.json["predictions"][i]["error"]["detail"] for i in (0, 2, 3)]
    assert details == [
        "expected text as 'images[0]', received null",
        "expected base64 in 'images[2]', received 10 characters that are none",
        "expected text as 'images[3]', received an object",
    ]


def test_top(web):
    """top= counts for each picture, from a form and from JSON too."""
    by_form = send_form(web, RED, BLUE, top="1")
    by_json = send_json(web, {"images": [encode_base64(RED)] * 2, "top": 2})

    assert [len(e["scores"]) for e in by_form.json["predictions"]] == [1, 1]
    assert [len(e["scores"]) for e in by_json.json["predictions"]] == [2, 2]
