"""Request bodies as JSON documents: what is accepted, and how errors say where."""

from __future__ import annotations

import math

import pytest
from grpc import StatusCode

from serving.errors import ServingError
from serving.json_document import is_base64, kind_name, parse_document, quote


@pytest.mark.parametrize(
    "body, document",
    [
        (b"{}", {}),
        (b' {"a": [1, -2.5, true, null, "x"]}\n', {"a": [1, -2.5, True, None, "x"]}),
        (b'{"a": 1} and so on', {"a": 1}),
        (b'{"a": 1}{"a": 2}', {"a": 1}),
        (b'\xef\xbb\xbf{"a": 1}', {"a": 1}),
        (b'{"a": 1, "a": 2, "b": {"c": 3, "c": 4}}', {"a": 1, "b": {"c": 3}}),
        (b'{"a": [Infinity, Inf, -Infinity]}', {"a": [math.inf, math.inf, -math.inf]}),
        ('{"é": "\\u00e9\\ud83d\\ude00"}'.encode(), {"é": "é😀"}),
        (b'{"a": "\\u0000"}', {"a": "\0"}),
        (b'{"a": 18446744073709551615}', {"a": 2**64 - 1}),
        (b'{"a": -9223372036854775808}', {"a": -(2**63)}),
    ],
)
def test_accepted(body, document):
    """RapidJSON's dialect; text behind the object is ignored, first keys win."""
    assert parse_document(body) == document


def test_not_a_number():
    """NaN is a number here, with a sign or without."""
    values = parse_document(b'{"a": [NaN, -NaN]}')["a"]

    assert [math.isnan(value) for value in values] == [True, True]


def test_key_order():
    """Members stay in the order they were sent, also with a key sent twice."""
    document = parse_document(b'{"c": 1, "a": 2, "c": 3, "b": 4}')

    assert list(document) == ["c", "a", "b"]


@pytest.mark.parametrize("digits", ["18446744073709551616", "-9223372036854775809"])
def test_long_integers(digits):
    """An integer beyond 64 bits is a decimal."""
    value = parse_document(f'{{"a": {digits}}}'.encode())["a"]

    assert (type(value), value) == (float, float(digits))


@pytest.mark.parametrize(
    "body, message",
    [
        (b"", "JSON Parse error: The document is empty"),
        (b"  ", "JSON Parse error: The document is empty. at offset: 2"),
        (b"{", "at offset: 1"),
        (b'{"a": 1,}', "Missing a name for object member. at offset: 8"),
        (b'{"a": [1,]}', "Invalid value. at offset: 9"),
        (b'{"a": nan}', "Invalid value. at offset: 7"),
        (b'{"a": 1e400}', "Number too big to be stored in double. at offset: 6"),
        (b'{"a": "\\ud800"}', "surrogate pair in string is invalid. at offset: 7"),
        (b'{"a": "\xff"}', "Invalid encoding in string. at offset: 7"),
        (b"{} \xff", "Invalid encoding in string. at offset: 3"),
        (b'{"a": "', "Missing a closing quotation mark in string. at offset: 7"),
        (b"[1]", "JSON Value: [\n    1\n] Is not object"),
        (b"1 2", "JSON Value: 1 Is not object"),
        (b"NaN", "JSON Value: NaN Is not object"),
        (b'"a"', 'JSON Value: "a" Is not object'),
        (b"null", "JSON Value: null Is not object"),
    ],
)
def test_refused(body, message):
    """What is no JSON object is the caller's fault, with the place of the fault."""
    with pytest.raises(ServingError) as refusal:
        parse_document(body)

    assert refusal.value.code is StatusCode.INVALID_ARGUMENT
    assert message in refusal.value.message


@pytest.mark.parametrize("opening", [b"[", b'{"a":'])
@pytest.mark.parametrize("depth", [1_100, 3_000_000])
def test_deep(opening, depth):
    """Nesting without end is refused, not followed."""
    with pytest.raises(ServingError) as refusal:
        parse_document(b'{"a":' + opening * depth)

    assert refusal.value.code is StatusCode.INVALID_ARGUMENT
    assert "depth" in refusal.value.message


def test_quotes():
    """A value is quoted as JSON, however large or deep, in a few words."""
    deep = 0
    for _ in range(900):
        deep = [deep]

    assert quote({"a": [1.5, "é", True]}) == (
        '{\n    "a": [\n        1.5,\n        "é",\n        true\n    ]\n}'
    )
    assert quote("x" * 1000) == '"' + "x" * 255 + "...TRUNCATED"
    for value in (deep, [0] * 10**6, {str(key): key for key in range(10**5)}):
        assert len(quote(value)) < 300


@pytest.mark.parametrize(
    "value, name",
    [
        (None, "Null"),
        (True, "True"),
        (False, "False"),
        ({}, "Object"),
        ([], "Array"),
        ("", "String"),
        (0, "Number"),
        (0.5, "Number"),
    ],
)
def test_kinds(value, name):
    """Kinds have RapidJSON's names."""
    assert kind_name(value) == name


@pytest.mark.parametrize(
    "value, answer",
    [
        ({"b64": "eA=="}, True),
        ({"b64": ""}, True),
        ({"b64": 1}, False),
        ({"b64": "eA==", "c": 1}, False),
        ({"c": "eA=="}, False),
        ({}, False),
        ("eA==", False),
    ],
)
def test_base64_objects(value, answer):
    """Bytes are an object with b64 as its only key and a string there."""
    assert is_base64(value) is answer
