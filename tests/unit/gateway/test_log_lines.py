"""The two formats of a log line; what is logged is test_app.py's."""

from __future__ import annotations

import json
import logging

import pytest

from gateway.log_lines import Facts, JsonFormatter, LineFormatter


@pytest.fixture(name="record")
def _record():
    """A function that makes one record of 1970, 7 ms after midnight."""

    def make(message, *arguments, **attributes):
        record = logging.makeLogRecord(
            {"name": "gateway", "levelname": "INFO", "msg": message, **attributes}
        )
        record.args = arguments
        record.created, record.msecs = 0.0, 7
        return record

    return make


def test_json(record):
    """Facts are members with their own types, after the three of every line."""
    facts = Facts(status=200, milliseconds=1.5, label='a "pizza"\nstatus=500')

    line = JsonFormatter().format(record(facts))

    assert "\n" not in line
    assert list(json.loads(line).items()) == [
        ("time", "1970-01-01T00:00:00.007Z"),
        ("level", "INFO"),
        ("logger", "gateway"),
        ("status", 200),
        ("milliseconds", 1.5),
        ("label", 'a "pizza"\nstatus=500'),
    ]


def test_json_of_others(record):
    """A library's message is one member, with its arguments."""
    document = json.loads(JsonFormatter().format(record("port %d", 80)))

    assert document["message"] == "port 80"


def test_json_traceback(record):
    """A traceback stays on its line."""
    error = ValueError("a bug")

    line = JsonFormatter().format(
        record(Facts(request_id="1"), exc_info=(ValueError, error, None))
    )

    assert "\n" not in line
    assert json.loads(line)["traceback"] == "ValueError: a bug"


def test_json_of_anything(record):
    """A fact that JSON has no word for is written as text."""
    document = json.loads(JsonFormatter().format(record(Facts(reason=KeyError("a")))))

    assert document["reason"] == "'a'"


def test_facts():
    """Key=value: blanks, quotes and line breaks come in quotes."""
    facts = Facts(path="/a", label="not\npizza", text='say "a b"', empty="")

    assert str(facts) == ('path=/a label="not\\npizza" text="say \\"a b\\"" empty=""')
    assert (
        LineFormatter()
        .format(logging.makeLogRecord({"msg": facts}))
        .endswith(str(facts))
    )
