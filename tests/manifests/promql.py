"""What a PromQL expression asks for: its metrics, their matchers, what it groups by.

Enough of the language for our own rules and boards; not a parser of all of it.
Source: prometheus.io/docs/prometheus/latest/querying/basics.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

_STRING = r'"(?:[^"\\]|\\.)*"'
_GROUPING = re.compile(r"\b(?:by|without|on|ignoring)\s*\(([^)]*)\)")
_SELECTOR = re.compile(
    rf"(?<![\w:.])([a-zA-Z_:][\w:]*+)\s*(\{{(?:[^{{}}\"]|{_STRING})*\}})?(?!\s*\()"
)
_MATCHER = re.compile(rf"(\w+)\s*(=~|!~|!=|=)\s*({_STRING})")
_DURATION = re.compile(r"\[[^\]]*\]|\boffset\s+\w+")
_WORDS = {"and", "or", "unless", "bool", "group_left", "group_right"}


@dataclass(frozen=True)
class Selector:
    """One metric and its matchers: (label, operator, value)."""

    name: str
    matchers: tuple[tuple[str, str, str], ...]


def read_selectors(expression):
    """Every metric that an expression names."""
    text = _DURATION.sub("", _GROUPING.sub("", expression))
    return [
        Selector(name, tuple(_read_matchers(braces)))
        for name, braces in _SELECTOR.findall(text)
        if name not in _WORDS
    ]


def _read_matchers(braces):
    for label, operator, quoted in _MATCHER.findall(braces):
        yield label, operator, quoted[1:-1]


def read_groupings(expression):
    """Every label that an expression groups by."""
    lists = _GROUPING.findall(expression)
    return {name.strip() for names in lists for name in names.split(",")}


def matches(operator, wanted, value):
    """Whether a label's value meets one matcher; regular expressions are anchored."""
    is_met = re.fullmatch(wanted, value) if "~" in operator else value == wanted
    return bool(is_met) != operator.startswith("!")
