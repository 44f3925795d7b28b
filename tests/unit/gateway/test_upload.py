"""Requests that hold no picture, or too much of one."""

from __future__ import annotations

import io

import pytest

from tests.unit.gateway.sending import (
    encode_base64,
    send_form,
    send_json,
    send_raw,
)


@pytest.mark.parametrize(
    "document, status, code",
    [
        ("", 400, "invalid_request"),
        ("{", 400, "invalid_request"),
        (b"\xff\xff", 400, "invalid_request"),
        (b'\xef\xbb\xbf{"image": ""}', 400, "invalid_image"),
        ('{"image": ""}'.encode("utf-16"), 400, "invalid_request"),
        ('{"image": "", "model": "\\ud800"}', 400, "invalid_request"),
        ("[" * 100_000, 400, "invalid_request"),
        ("[]", 400, "invalid_request"),
        ("null", 400, "invalid_request"),
        ('"text"', 400, "invalid_request"),
        ({}, 400, "missing_image"),
        ({"picture": "AAAA"}, 400, "missing_image"),
        ({"image": "AAAA", "url": "http://a/"}, 400, "missing_image"),
        ({"image": None}, 400, "invalid_request"),
        ({"image": 5}, 400, "invalid_request"),
        ({"image": ["AAAA"]}, 400, "invalid_request"),
        ({"url": {"a": 1}}, 400, "invalid_request"),
        ({"image": "no base64!"}, 400, "invalid_request"),
        ({"image": "é"}, 400, "invalid_request"),
        ({"image": "A"}, 400, "invalid_request"),
        ({"image": "data:image/png,AAAA"}, 400, "invalid_request"),
        ({"image": "data:image/png;base64"}, 400, "invalid_request"),
        ({"image": ""}, 400, "invalid_image"),
        ({"image": "AAAA"}, 415, "unsupported_image"),
        ({"image": "A" * 280_000}, 413, "image_too_large"),
        ({"image": "A" * 400_000}, 413, "image_too_large"),
    ],
)
def test_bad_json(web, document, status, code):
    """A JSON body that holds no picture is refused with the rule."""
    reply = send_json(web, document)

    assert (reply.status_code, reply.json["code"]) == (status, code)
    assert "expected" in reply.json["detail"]


def test_empty_forms(web):
    """No part, no file, an empty file without a name, a blank address: no picture."""
    replies = [
        web.post("/predict", data=b"no parts", content_type="multipart/form-data"),
        send_form(web),
        send_form(web, url="  "),
        web.post(
            "/predict",
            data={"image": (io.BytesIO(b""), "")},
            content_type="multipart/form-data",
        ),
    ]

    assert [reply.status_code for reply in replies] == [400] * 4
    assert {reply.json["code"] for reply in replies} == {"missing_image"}


@pytest.mark.parametrize(
    "data, kind, status, code",
    [
        (b"", "image/png", 400, "invalid_image"),
        (b"", None, 400, "missing_image"),
        (b"text named .jpg", "image/jpeg", 415, "unsupported_image"),
        (b"x" * 200_001, "image/png", 413, "image_too_large"),
        (b"a=b", "application/x-www-form-urlencoded", 415, "unsupported_content_type"),
        (b"text", "text/plain", 415, "unsupported_content_type"),
        (b"<a/>", "application/xml", 415, "unsupported_content_type"),
    ],
)
def test_bad_bodies(web, data, kind, status, code):
    """A raw body that is no picture is refused with the rule and what was received."""
    reply = send_raw(web, data, kind)

    assert (reply.status_code, reply.json["code"]) == (status, code)
    assert reply.mimetype == "application/problem+json"
    assert "expected" in reply.json["detail"] and "received" in reply.json["detail"]


def test_largest_picture(web):
    """Exactly the limit is read, in each form: it fails as a picture, not by size."""
    data = b"x" * 200_000

    replies = [
        send_raw(web, data),
        send_form(web, data),
        send_json(web, {"image": encode_base64(data)}),
    ]

    assert [reply.status_code for reply in replies] == [415] * 3


def test_too_large_forms(web):
    """One byte above the limit is 413, in each form."""
    data = b"x" * 200_001

    replies = [
        send_raw(web, data),
        send_form(web, data),
        send_json(web, {"image": encode_base64(data)}),
        send_form(web, data * 2),
    ]

    assert [reply.status_code for reply in replies] == [413] * 4
