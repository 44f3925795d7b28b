"""How much one request may hold: each limit, in each form, with input beyond it."""

from __future__ import annotations

import pytest

from gateway.app import create_app
from gateway.settings import Settings
from tests.unit.gateway.sending import (
    draw_flat,
    post_form,
    read_outcomes,
    send_base64,
    send_files,
    send_json,
    send_raw,
    write_form,
)

MAX_BYTES = 5_000
MAX_IMAGES = 6
# Less than six of the largest pictures: a limit of its own.
MAX_BODY_BYTES = 22_000


RED, GREEN = draw_flat("red"), draw_flat("lime")
LARGEST = b"x" * MAX_BYTES


@pytest.fixture(name="settings")
def _settings():
    return Settings(
        models=("tiny", "second"),
        max_image_bytes=MAX_BYTES,
        max_images=MAX_IMAGES,
        max_body_bytes=MAX_BODY_BYTES,
    )


def test_most_pictures(web, send):
    """So many pictures as are allowed are answered; one more and none is."""
    allowed, refused = send(web, [RED] * MAX_IMAGES), send(web, [RED] * 7)

    assert read_outcomes(allowed) == ["red"] * MAX_IMAGES
    assert (refused.status_code, refused.json["code"]) == (413, "too_many_images")
    assert refused.json["detail"] == "expected at most 6 pictures, received 7"


@pytest.mark.parametrize("send_all", [send_files, send_base64])
def test_bytes_in_all(web, client, send_all):
    """Pictures that are small enough each may be too many bytes together."""
    reply = send_all(web, [LARGEST] * 5)

    assert (reply.status_code, reply.json["code"]) == (413, "request_too_large")
    assert reply.json["detail"] == (
        "expected at most 22000 bytes of pictures in all, received more"
    )
    assert not client.batches


def test_fetched_bytes_in_all(web, fetch):
    """What is fetched counts like what is sent: the rest is an error in its place."""
    urls = [f"https://example.org/{place}" for place in range(MAX_IMAGES)]
    fetch.pictures.update((url, LARGEST) for url in urls)

    codes = read_outcomes(send_json(web, {"urls": urls}))

    # Four of 5,000 bytes stay below 22,000: which four depends on who came first.
    assert sorted(codes) == ["request_too_large"] * 2 + ["unsupported_image"] * 4


def test_one_large_picture(client, fetch):
    """One picture of the largest size fits in each form, however small a batch."""
    settings = Settings(max_image_bytes=100_000, max_body_bytes=1, models=("tiny",))
    web = create_app(settings, client, fetch).test_client()
    largest = b"x" * 100_000

    replies = [send_raw(web, largest), send_files(web, [largest])]
    replies.append(send_base64(web, [largest]))

    assert [reply.json["code"] for reply in replies] == ["unsupported_image"] * 3


@pytest.mark.parametrize("send_all", [send_files, send_base64])
def test_long_bodies(web, send_all):
    """What is too long even for its form is refused before it is read."""
    reply = send_all(web, [b"x" * 120_000])

    assert (reply.status_code, reply.json["code"]) == (413, "request_too_large")


def test_cut_form(web):
    """A form that ends within a file is refused, not answered without that file."""
    body = write_form([RED, GREEN])

    reply = post_form(web, body[: body.rindex(GREEN) + 40])

    assert (reply.status_code, reply.json["code"]) == (400, "invalid_request")
    assert "ends with its boundary" in reply.json["detail"]


@pytest.mark.parametrize(
    "texts", [[b""] * 1_001, [b"x" * 500_001]], ids=["many", "long"]
)
def test_texts_of_a_form(client, fetch, texts):
    """A form of more than 1,000 fields, or of over 500,000 bytes of text, is 413."""
    web = create_app(Settings(), client, fetch).test_client()
    head = b'--cut\r\nContent-Disposition: form-data; name="url"\r\n\r\n'
    body = b"\r\n".join([*(head + text for text in texts), b"--cut--\r\n"])

    reply = post_form(web, body)

    assert (reply.status_code, reply.json["code"]) == (413, "request_too_large")
    assert "1000 parts and 500000 bytes of text" in reply.json["detail"]


def test_many_marks(web):
    """JSON that is all objects or commas is refused before it is parsed."""
    for text in ('{"images":[' + "{}," * 5_000 + "{}]}", "[" + "1," * 10_000 + "1]"):
        reply = send_json(web, text)

        assert (reply.status_code, reply.json["code"]) == (400, "invalid_request")
        assert "expected at most 10000 objects" in reply.json["detail"]
