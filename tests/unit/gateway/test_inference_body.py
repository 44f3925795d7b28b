"""The framing of a request: lengths, compression, and how much may come."""

from __future__ import annotations

import gzip
import json
import zlib

import pytest

from gateway.app import create_app
from gateway.settings import Settings
from tests.unit.gateway.inferring import (
    INFER,
    binary_pictures,
    binary_request,
    json_pictures,
    length_prefixed,
    outputs_of,
    refusal,
)

LENGTH = "Inference-Header-Content-Length"
# Half as much again as the pictures may have, for base64, and 64 kB for the JSON.
BODY_BYTES = 150_000 + 65_536


@pytest.mark.parametrize("compress", [gzip.compress, zlib.compress])
@pytest.mark.parametrize("make", [binary_pictures, json_pictures])
def test_compressed(web, red, compress, make):
    """A compressed body is read; the JSON's length counts as it was before."""
    sent = make(red)
    request = sent if "data" in sent else {"data": json.dumps(sent), "headers": {}}
    body = request["data"]
    body = compress(body if isinstance(body, bytes) else body.encode())
    kind = "gzip" if compress is gzip.compress else "deflate"

    reply = web.post(
        INFER, data=body, headers={**request["headers"], "Content-Encoding": kind}
    )

    assert outputs_of(reply)["label"] == ["red"]


def compressed(web, body, encoding="gzip"):
    """The refusal of a body that says it is compressed."""
    return refusal(web.post(INFER, data=body, headers={"Content-Encoding": encoding}))


@pytest.mark.parametrize("encoding", ["br", "zstd", "gzip, gzip", "GZIPPED"])
def test_other_compressions(web, encoding):
    """What we cannot inflate is refused by its name."""
    status, error = compressed(web, b"{}", encoding)

    assert status == 415 and "gzip, deflate" in error and encoding.lower() in error


def test_damaged_compression(web):
    """Not compressed, cut anywhere, or with more behind it: a sentence."""
    whole = gzip.compress(b"{}" * 500)
    flipped = whole[:-6] + bytes([whole[-6] ^ 1]) + whole[-5:]

    for body in (b"{}", flipped):
        status, error = compressed(web, body)
        assert status == 400 and "expected a body in gzip" in error
    for body in (whole + b"more", whole * 2):
        status, error = compressed(web, body)
        assert status == 400 and "received more behind it" in error
    for end in range(len(whole)):
        status, error = compressed(web, whole[:end])
        assert status == 400 and "cut short" in error


@pytest.fixture(name="small_web")
def _small_web(client):
    """A gateway that takes 100 kB of pictures and so bodies of BODY_BYTES."""
    settings = Settings(
        models=("tiny",), max_image_bytes=30_000, max_body_bytes=100_000
    )
    return create_app(settings, client).test_client()


def test_bomb(small_web):
    """A body that inflates to more than allowed is given up at the limit."""
    bomb = gzip.compress(bytes(50_000_000))
    assert len(bomb) < 100_000

    status, error = compressed(small_web, bomb)

    assert status == 413 and f"at most {BODY_BYTES} bytes" in error


def test_most_bytes(small_web):
    """A body of BODY_BYTES is read to its end, one byte more is not, in either form."""
    body = b" " * (BODY_BYTES + 1)
    packed = {"data": gzip.compress(body), "headers": {"Content-Encoding": "gzip"}}

    at_limit = small_web.post(INFER, data=body[1:])

    assert refusal(at_limit)[0] == 400
    for request in ({"data": body}, packed):
        assert refusal(small_web.post(INFER, **request))[0] == 413


def test_most_bytes_of_pictures(small_web):
    """Pictures of 100,000 bytes in all are looked at, a byte more is not."""
    thirds = [bytes(30_000)] * 3

    at_limit = small_web.post(INFER, **binary_pictures(*thirds, bytes(10_000)))
    beyond = small_web.post(INFER, **binary_pictures(*thirds, bytes(10_001)))

    assert refusal(at_limit)[0] == 415
    assert refusal(beyond) == (
        413,
        "expected at most 100000 bytes of pictures in all, received 100001",
    )


def test_most_bytes_of_pixels(small_web):
    """Pixels count like files: 33,334 of three bytes are two more than allowed."""
    shape = [1, 1, 33_334, 3]

    status, error = refusal(
        small_web.post(
            INFER, **binary_request("images", shape, "UINT8", bytes(100_002))
        )
    )

    assert status == 413 and "received 100002" in error


@pytest.mark.parametrize(
    "length", ["", "-1", "1.0", "0x10", " ", "1_0", "٣", "1,2", "9" * 40, "1000000"]
)
def test_bad_length(web, red, length):
    """A length of the JSON that is no number, or beyond the body, is refused."""
    request = binary_pictures(red)

    status, error = refusal(
        web.post(INFER, data=request["data"], headers={LENGTH: length})
    )

    assert status == 400 and LENGTH in error


@pytest.mark.parametrize("difference", [-1, 1, -50, 50])
def test_wrong_length(web, red, difference):
    """A length that cuts the JSON, or takes binary data for JSON, is refused."""
    request = binary_pictures(red)
    length = int(request["headers"][LENGTH]) + difference

    reply = web.post(INFER, data=request["data"], headers={LENGTH: str(length)})

    assert refusal(reply)[0] == 400


def test_zero_length(web):
    """No JSON at all is no request."""
    status, error = refusal(web.post(INFER, data=b"abc", headers={LENGTH: "0"}))

    assert status == 400 and "0 bytes of valid JSON" in error


def test_no_length(web, red):
    """Binary data without the header that tells where it begins."""
    text = binary_pictures(red, id="1")
    document = text["data"][: int(text["headers"][LENGTH])]

    status, error = refusal(web.post(INFER, data=document))

    assert status == 400 and LENGTH in error


def with_size(size, binary):
    """The arguments of a POST whose tensor says another size than it has."""
    tensor = {"name": "image", "shape": [1], "datatype": "BYTES"}
    tensor["parameters"] = {"binary_data_size": size}
    text = json.dumps({"inputs": [tensor]}).encode()
    return {"data": text + binary, "headers": {LENGTH: str(len(text))}}


@pytest.mark.parametrize("size", [0, 1, -1, 10**40, True, 7.0, "7", None])
def test_wrong_size(web, size):
    """A size that is not that of the bytes behind the JSON is refused."""
    status, error = refusal(web.post(INFER, **with_size(size, b"abcdefg")))

    assert status == 400 and "binary_data_size" in error


@pytest.mark.parametrize(
    "binary",
    [
        b"",
        b"\x00",
        b"\x00\x00\x00",
        b"\x01\x00\x00\x00",
        b"\xff\xff\xff\xff" + b"abc",
        length_prefixed(b"abc") + b"x",
        length_prefixed(b"abc", b"def"),
    ],
)
def test_wrong_element_lengths(web, binary):
    """Elements that do not fill the binary data exactly are refused."""
    status, error = refusal(web.post(INFER, **with_size(len(binary), binary)))

    assert status == 400 and "elements" in error


def test_binary_without_tensor(web, red):
    """Bytes that belong to no tensor are refused, not ignored."""
    text = json.dumps(json_pictures(red)).encode()

    status, error = refusal(
        web.post(INFER, data=text + b"more", headers={LENGTH: str(len(text))})
    )

    assert status == 400 and "received 4 bytes" in error
