"""model, version, label and top: where they may stand and what they may be."""

from __future__ import annotations

import pytest

from gateway.errors import InvalidRequest
from gateway.query import Query, read_query


@pytest.mark.parametrize(
    "sources, expected",
    [
        ([{}], Query()),
        ([{"model": "a", "top": "3"}], Query(model="a", top=3)),
        ([{"version": "0"}], Query(version=0)),
        ([{"version": "9223372036854775807"}], Query(version=2**63 - 1)),
        ([{"version": 7, "top": 1}], Query(version=7, top=1)),
        ([{"label": "größte"}], Query(label="größte")),
        ([{"model": "a"}, {"model": "b", "top": "2"}], Query(model="a", top=2)),
        ([{"model": "", "top": None}, {"model": "b"}], Query(model="b")),
        ([{"model": "a", "top": "", "other": [1]}], Query(model="a")),
    ],
)
def test_wishes(sources, expected):
    """Numbers come as numbers or digits; the first source counts, empty ones do not."""
    assert read_query(*sources) == expected


@pytest.mark.parametrize(
    "name, value",
    [
        ("top", "0"),
        ("top", "-1"),
        ("top", "1000001"),
        ("top", "1.0"),
        ("top", 1.0),
        ("top", True),
        ("top", [1]),
        ("top", "1_0"),
        ("top", " 1"),
        ("top", "٣"),
        ("top", "9" * 5000),
        ("version", "-1"),
        ("version", "9223372036854775808"),
        ("version", 2**63),
        ("version", float("nan")),
        ("version", {"number": 1}),
        ("label", 1),
        ("label", "a" * 101),
        ("label", "a\nb"),
        ("label", "\ud800"),
        ("model", ["a"]),
    ],
)
def test_bad_wishes(name, value):
    """What is no such number or text is refused with the rule, in printable words."""
    with pytest.raises(InvalidRequest) as refused:
        read_query({name: value})

    sentence = str(refused.value)
    assert sentence.startswith("expected") and f"'{name}', received" in sentence
    assert sentence.isprintable() and len(sentence) < 250


def test_version_and_label():
    """A version and a label may disagree, so both are refused, wherever they stand."""
    with pytest.raises(InvalidRequest, match="received both"):
        read_query({"version": "1"}, {"label": "stable"})
