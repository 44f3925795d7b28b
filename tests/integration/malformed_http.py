"""Hypothesis strategies of HTTP requests that are wrong in their JSON or as HTTP."""

from __future__ import annotations

import gzip
import json
from dataclasses import dataclass

from hypothesis import strategies as st

_MODELS = (
    "tiny",
    "half",
    "join",
    "colors",
    "colors",
    "nobody",
    "%68alf",
    "%zz",
    "%00",
    "",
)
_CHOICES = (
    *("", "", "", "", "/versions/1", "/versions/7", "/versions/0001", "/labels/stable"),
    *("/versions/9223372036854775807", "/versions/9223372036854775808"),
    *(f"/versions/{'9' * 500}", "/labels/%ff", "/versions/-1", "/versions/"),
)
_ACTIONS = (
    *(":predict", ":predict", ":predict", ":classify", ":regress", ":explode"),
    *("", "/metadata", "/metadata/", ":predict?a=b", ":PREDICT", ":"),
)
_METHODS = ("POST",) * 8 + ("GET", "GET", "PUT", "OPTIONS", "HEAD", "BREW", "get")
# 150 MB of one byte in 150 KB: above what may be inflated.
_BOMB = gzip.compress(b"[" * 150_000_000, compresslevel=1)
_DEEP = (10, 900, 1100, 5_000, 200_000)


@dataclass(frozen=True)
class Request:
    """What is sent to the port, byte for byte."""

    data: bytes

    def __repr__(self):
        return f"Request({self.data[:1000]!r}... of {len(self.data)})"


numbers = st.one_of(
    st.integers(-(2**70), 2**70),
    st.floats(),
    st.sampled_from((0, 1, 1.0, 255, 256, -1, 2**31, 2**63, 2**64, 1e308)),
)
scalars = st.one_of(
    numbers, st.none(), st.booleans(), st.text(max_size=8), st.just("\ud800")
)
values = st.recursive(
    scalars | st.just({"b64": "AAE="}) | st.just({"b64": "?"}),
    lambda inner: st.lists(inner, max_size=3)
    | st.dictionaries(
        st.sampled_from(("b64", "x", "v", "left", "right", "images", "inputs", "")),
        inner,
        max_size=3,
    ),
    max_leaves=8,
)
rows = st.one_of(
    st.lists(values, max_size=3),
    st.lists(st.lists(numbers, min_size=1, max_size=2), min_size=1, max_size=3),
    st.lists(st.fixed_dictionaries({"left": values, "right": values}), max_size=2),
    st.lists(st.fixed_dictionaries({"x": values}), min_size=1, max_size=2),
    values,
)
_KEYS = st.sampled_from(
    ("instances", "inputs", "examples", "context", "signature_name")
)


@st.composite
def json_texts(draw):
    """A body with keys the API knows and values it does not expect."""
    body = draw(st.dictionaries(_KEYS, rows, min_size=1, max_size=2))
    if draw(st.integers(0, 3)) == 0:
        name = draw(st.sampled_from(("serving_default", "explain", "regress", "latin")))
        body["signature_name"] = name
    return json.dumps(body).encode()


@st.composite
def deep_texts(draw):
    """Lists or objects in each other, closed or not."""
    depth = draw(st.sampled_from(_DEEP))
    opening, inner, closing = draw(
        st.sampled_from(((b"[", b"1", b"]"), (b'{"x":', b"1", b"}"), (b"[", b"", b"")))
    )
    deep = opening * depth + inner + closing * depth
    start = draw(st.sampled_from((b'{"instances": ', b'{"inputs": ', b"")))
    return start + deep + (b"}" if start else b"")


@st.composite
def damaged_texts(draw):
    """JSON that was cut, overwritten, or followed by something."""
    text = draw(json_texts())
    place = draw(st.integers(0, len(text)))
    return draw(
        st.sampled_from(
            (
                text[:place],
                text + b"]" + text,
                text[:place] + b"\x00\xff" + text[place:],
                text.replace(b"1", b"1" * 5000),
                text.replace(b'"', b"'"),
                text.decode().encode("utf-16"),
            )
        )
    )


bodies = st.one_of(
    json_texts(), json_texts(), damaged_texts(), deep_texts(), st.binary(max_size=60)
)


@st.composite
def paths(draw):
    """Most are the API's own, with names, versions and verbs of all kinds."""
    if draw(st.integers(0, 5)) == 0:
        text = draw(st.text(st.characters(min_codepoint=33, max_codepoint=126)))
        return draw(st.sampled_from(("/v1/", "/", "/V1/models/", ""))) + text
    parts = (_MODELS, _CHOICES, _ACTIONS)
    return "/v1/models/" + "".join(draw(st.sampled_from(part)) for part in parts)


def write_request(start, fields, body):
    """The bytes of an HTTP/1.1 request that asks to close the connection."""
    lines = [start, "Host: localhost", "Connection: close", *fields, "", ""]
    return "\r\n".join(lines).encode("latin-1", "replace") + body


@st.composite
def json_requests(draw):
    """Whole HTTP with a body that is not what the path wants."""
    body = draw(bodies)
    fields = []
    packing = draw(st.integers(0, 9))
    if packing < 3:
        fields.append("Content-Encoding: gzip")
        # 0: as it is, so no gzip at all.
        body = (body, gzip.compress(body), gzip.compress(body)[:-5])[packing]
    fields.append(f"Content-Length: {len(body)}")
    start = f"{draw(st.sampled_from(_METHODS))} {draw(paths())} HTTP/1.1"
    return write_request(start, fields, body)


_PREDICT = "POST /v1/models/half:predict HTTP/1.1"
_STARTS = (
    *(_PREDICT, _PREDICT, _PREDICT, _PREDICT[:-1], _PREDICT[:-8], _PREDICT + "\0"),
    *("POST", "", "\r\n" * 20, " " * 70_000, "GET / HTTP/9.9", "GET  HTTP/1.1"),
    *("GET http://[/ HTTP/1.1", "CONNECT half:1 HTTP/1.1", "GET * HTTP/1.1"),
    *(f"GET /{'a' * 70_000} HTTP/1.1", "PRI * HTTP/2.0", "GET //v1/models HTTP/1.0"),
    *("GET /v1/models/\xff\xfe HTTP/1.1", "GET /v1/models/half%", "\x16\x03\x01\x02"),
)
_FIELDS = (
    *("Content-Length: -1", "Content-Length: x", "Content-Length: 99999999999999"),
    *("Content-Length: 5", "Content-Length: 3", f"Content-Length: {'9' * 5000}"),
    *("Transfer-Encoding: chunked", "Transfer-Encoding: gzip, chunked", "no colon"),
    *(": empty", "A: " + "b" * 70_000, "X: \0", " folded", "Expect: 100-continue"),
    *("Content-Encoding: gzip", "Content-Encoding: br", "Host: \xff", "Upgrade: h2c"),
)
_CHUNKS = (
    *(
        b"",
        b"zz\r\n",
        b"-1\r\nx\r\n",
        b"5\r\nab",
        b"2\r\n{}\r\n0\r\n\r\n",
        b"2\r\n{}XX",
    ),
    *(
        b"ffffffffffffffff\r\n{}",
        b"{}",
        b'{"inputs"',
        b"2;x=y\r\n{}\r\n0\r\n",
        b"\0" * 9,
    ),
)


@st.composite
def broken_requests(draw):
    """A start, header fields and a body that contradict HTTP or each other."""
    fields = draw(st.lists(st.sampled_from(_FIELDS), max_size=2))
    body = draw(st.sampled_from(_CHUNKS))
    return write_request(draw(st.sampled_from(_STARTS)), fields, body)


def bomb_request():
    """A small gzip body that would become 150 MB."""
    fields = ("Content-Encoding: gzip", f"Content-Length: {len(_BOMB)}")
    return Request(write_request(_PREDICT, fields, _BOMB))


@st.composite
def requests(draw):
    """All of these, wildly mixed."""
    noise = st.binary(max_size=80)
    whole = json_requests()
    return Request(draw(st.one_of(whole, whole, whole, broken_requests(), noise)))
