"""The HTTP door over a store that is made up: notes, pages, bugs, CORS."""

from __future__ import annotations

import json
import logging
from contextlib import contextmanager

import pytest
from grpc import StatusCode

from serving.calls import Call
from serving.errors import ServingError, not_found
from serving.rest import HTTP_STATUS, RestOptions, create_app
from serving.version_state import State, VersionStatus


class Store:
    """One model, "m", with a status; a lease ends in what the test asks for."""

    def __init__(self, error):
        self._error = error
        self._statuses = {"m": (VersionStatus(version=1, state=State.AVAILABLE),)}

    def statuses(self, name, version=None):
        """The status of m."""
        del version
        if name not in self._statuses:
            raise not_found("no such model")
        return self._statuses[name]

    @contextmanager
    def lease(self, target):
        """Nothing to lease."""
        del target
        raise self._error
        yield  # pylint: disable=unreachable  # makes it a generator


class Door:
    """The application's own client, and what it noted."""

    def __init__(self, error=None, **options):
        self.calls = []
        options = RestOptions(note_call=self.calls.append, **options)
        self._client = create_app(Store(error), options).test_client()

    def ask(self, method, path, body=b"", **headers):
        """(status, text, headers) of one request."""
        answer = self._client.open(path, method=method, data=body, headers=headers)
        return answer.status_code, answer.get_data(as_text=True), answer.headers


@pytest.mark.parametrize(
    "method, path, expected",
    [
        ("GET", "/v1/models/m", ("", "m", StatusCode.OK)),
        ("GET", "/v1/models/x", ("", "x", StatusCode.NOT_FOUND)),
        ("GET", "/v1/models", ("", "", StatusCode.INVALID_ARGUMENT)),
        ("GET", "/v1/foo", ("", "", StatusCode.INVALID_ARGUMENT)),
        ("GET", "/v1/models/m/metadata", ("", "m", StatusCode.ABORTED)),
        ("POST", "/v1/models/m:predict", ("predict", "m", StatusCode.ABORTED)),
        (
            "POST",
            "/v1/models/m:classify",
            ("classify", "m", StatusCode.INVALID_ARGUMENT),
        ),
        (
            "POST",
            "/v1/models/x:regress",
            ("regress", "x", StatusCode.INVALID_ARGUMENT),
        ),
    ],
)
def test_notes(method, path, expected):
    """Every request under /v1/ is noted once, with what it asked for."""
    door = Door(ServingError(StatusCode.ABORTED, "as the test wants it"))

    status, _, _ = door.ask(method, path, b'{"instances": [1]}')

    assert [type(call) for call in door.calls] == [Call]
    call = door.calls[0]
    assert call.entrypoint == "REST"
    assert (call.method, call.model, call.code) == expected
    assert call.seconds > 0
    assert status == HTTP_STATUS[call.code]


def test_pages_are_not_noted():
    """Outside /v1/ nothing is noted."""
    door = Door(pages={"/metrics": lambda: "x"})

    door.ask("GET", "/metrics")
    door.ask("GET", "/other")

    assert not door.calls


@pytest.mark.parametrize("code", StatusCode)
def test_codes(code):
    """Every code has its HTTP status and the message in the body."""
    if code is StatusCode.OK:
        return
    door = Door(ServingError(code, 'a "message"'))

    status, text, headers = door.ask("POST", "/v1/models/m:predict", b"{}")

    assert status == HTTP_STATUS[code]
    assert headers["Content-Type"] == "application/json"
    assert json.loads(text) == {"error": 'a "message"'}


def test_bug(caplog):
    """A bug is a 500 with fixed text, one traceback, and noted as INTERNAL."""
    door = Door(ZeroDivisionError("secret"), has_cors=True)

    with caplog.at_level(logging.ERROR):
        status, text, headers = door.ask("POST", "/v1/models/m:predict", b"{}")

    assert (status, json.loads(text)) == (500, {"error": "internal error"})
    assert headers["Access-Control-Allow-Origin"] == "*"
    assert [call.code for call in door.calls] == [StatusCode.INTERNAL]
    assert sum("ZeroDivisionError" in (r.exc_text or "") for r in caplog.records) == 1


@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "DELETE", "OPTIONS"])
def test_pages(method):
    """A page answers any verb as plain text, at its very path only."""
    door = Door(pages={"/metrics": lambda: "the page"})

    status, text, headers = door.ask(method, "/metrics")

    assert (status, text) == (200, "the page")
    assert headers["Content-Type"].startswith("text/plain")
    assert door.ask(method, "/metrics/")[0] == 404
    assert door.ask(method, "/Metrics")[0] == 404
    assert door.ask(method, "/metrics?a=b")[:2] == (
        400,
        "Unexpected path: /metrics?a=b. Should be /metrics",
    )


@pytest.mark.parametrize("has_cors", [True, False])
@pytest.mark.parametrize(
    "method, path", [("GET", "/v1/models/m"), ("GET", "/v1/foo"), ("OPTIONS", "/v1/x")]
)
def test_cors(has_cors, method, path):
    """With CORS every answer under /v1/, also an error, has the three headers."""
    door = Door(has_cors=has_cors)

    _, _, headers = door.ask(method, path, Origin="http://page")

    found = {name: text for name, text in headers.items() if "Access" in name}
    assert found == (
        {
            "Access-Control-Allow-Origin": "*",
            "Access-Control-Allow-Methods": "POST, GET",
            "Access-Control-Allow-Headers": "Content-Type",
        }
        if has_cors
        else {}
    )


@pytest.mark.parametrize(
    "headers, expected",
    [
        ({"Origin": "http://page"}, 200),
        ({"Origin": "https://page:8080"}, 200),
        ({"Origin": "page"}, 400),
        ({}, 400),
    ],
)
@pytest.mark.parametrize("has_cors", [True, False])
def test_options(headers, expected, has_cors):
    """A browser asks first and gets an empty answer; others are refused."""
    door = Door(has_cors=has_cors)

    status, text, _ = door.ask("OPTIONS", "/v1/models/m:predict", **headers)

    assert (status, text) == (expected, "")


def test_every_code_has_a_status():
    """The table knows every gRPC code."""
    assert set(HTTP_STATUS) == set(StatusCode)
