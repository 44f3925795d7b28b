"""Requests that a machine makes up: none of them is a failure of ours."""

from __future__ import annotations

import gzip
import json
import struct

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from PIL import Image

from gateway.app import create_app
from gateway.settings import Settings
from tests.unit.gateway.conftest import FakeClient
from tests.unit.gateway.drawing import encode
from tests.unit.gateway.inferring import INFER, refusal

LENGTH = "Inference-Header-Content-Length"
RED = encode(Image.new("RGB", (6, 3), (255, 0, 0)), "PNG")
FUZZ = settings(max_examples=400)

NUMBERS = st.sampled_from([-1, 0, 1, 2, 3, 4, 240, 2**31, 2**32 - 1, 2**63, 10**25])
SCALARS = st.one_of(
    st.none(), st.booleans(), NUMBERS, st.floats(allow_nan=True), st.text(max_size=8)
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.one_of(
        st.lists(inner, max_size=4),
        st.dictionaries(st.text(max_size=5), inner, max_size=3),
    ),
    max_leaves=12,
)


def perhaps(right, wrong=VALUES):
    """Mostly what belongs there, sometimes anything."""
    return st.integers(0, 7).flatmap(lambda n: wrong if n == 0 else right)


def record(**fields):
    """An object, any of whose fields may be missing."""
    return st.fixed_dictionaries({}, optional=fields)


PARAMETERS = record(
    binary_data_size=perhaps(NUMBERS),
    binary_data=perhaps(st.booleans()),
    binary_data_output=perhaps(st.booleans()),
    classification=perhaps(NUMBERS),
    shared_memory_region=SCALARS,
)
INPUTS = record(
    name=perhaps(st.sampled_from(["image", "images"])),
    datatype=perhaps(st.sampled_from(["BYTES", "UINT8", "FP32"])),
    shape=perhaps(st.lists(perhaps(NUMBERS), max_size=5)),
    data=perhaps(st.lists(perhaps(NUMBERS), max_size=6)),
    parameters=perhaps(PARAMETERS),
)
OUTPUTS = record(
    name=perhaps(st.sampled_from(["scores", "label"])), parameters=perhaps(PARAMETERS)
)
REQUESTS = record(
    id=perhaps(st.text(max_size=5)),
    inputs=perhaps(st.lists(INPUTS, max_size=2)),
    outputs=perhaps(st.lists(OUTPUTS, max_size=3)),
    parameters=perhaps(PARAMETERS),
)
ELEMENTS = st.lists(
    st.tuples(
        st.sampled_from([RED, RED[:30], b"", b"text"]) | st.binary(max_size=20),
        perhaps(st.just(0), st.integers(-8, 8)),
    ),
    max_size=4,
)


@pytest.fixture(name="web", scope="module")
def _web():
    limits = Settings(models=("tiny",), max_image_bytes=10_000, max_body_bytes=100_000)
    return create_app(limits, FakeClient()).test_client()


def check(reply):
    """A whole answer, or a sentence that blames the request; never a failure."""
    if reply.status_code == 200:
        length = reply.headers.get(LENGTH, len(reply.data))
        assert json.loads(reply.data[: int(length)])["model_name"] == "tiny"
    else:
        status, error = refusal(reply)
        assert status in (400, 413, 415), error
        assert "expected" in error


@FUZZ
@given(REQUESTS)
def test_any_json(web, document):
    """Any JSON with the protocol's names in it."""
    check(web.post(INFER, data=json.dumps(document)))


@FUZZ
@given(st.binary(max_size=200), st.text(max_size=12).filter(str.isprintable))
@example(b"{}", "2")
def test_any_bytes(web, body, length):
    """Any body and any length, with and without a compression that it may be in."""
    header = length.encode("latin-1", "replace").decode("latin-1")
    for encoding in ("identity", "gzip", "deflate"):
        headers = {LENGTH: header, "Content-Encoding": encoding}
        check(web.post(INFER, data=body, headers=headers))


@FUZZ
@given(ELEMENTS, st.integers(-3, 3), st.integers(-3, 3), st.integers(-3, 3))
def test_any_framing(web, elements, count_off, size_off, length_off):
    """Elements whose lengths, number, size and place are sometimes told wrongly."""
    binary = b"".join(
        struct.pack("<I", max(0, len(data) + off)) + data for data, off in elements
    )
    tensor = {
        "name": "image",
        "shape": [len(elements) + count_off],
        "datatype": "BYTES",
    }
    tensor["parameters"] = {"binary_data_size": len(binary) + size_off}
    text = json.dumps({"inputs": [tensor]}).encode()
    headers = {LENGTH: str(len(text) + length_off)}

    reply = web.post(INFER, data=text + binary, headers=headers)

    check(reply)
    is_right = not (count_off or size_off or length_off)
    if is_right and elements and all(element == (RED, 0) for element in elements):
        assert reply.status_code == 200


@FUZZ
@given(st.data())
def test_any_damage(web, data):
    """A right request, compressed or not, with bytes changed, cut or repeated."""
    binary = struct.pack("<I", len(RED)) + RED
    tensor = {"name": "image", "shape": [1], "datatype": "BYTES"}
    tensor["parameters"] = {"binary_data_size": len(binary)}
    text = json.dumps({"inputs": [tensor]}).encode()
    is_packed = data.draw(st.booleans())
    body = bytearray(gzip.compress(text + binary) if is_packed else text + binary)
    for place, value in data.draw(
        st.lists(
            st.tuples(st.integers(0, len(body) - 1), st.integers(0, 255)), max_size=4
        )
    ):
        body[place] = value
    start = data.draw(st.integers(0, len(body)))
    end = data.draw(st.integers(start, len(body)))
    repeats = data.draw(st.sampled_from([1, 1, 0, 2]))
    body[start:end] = body[start:end] * repeats
    headers = {LENGTH: str(len(text))}
    if is_packed:
        headers["Content-Encoding"] = "gzip"

    check(web.post(INFER, data=bytes(body), headers=headers))
