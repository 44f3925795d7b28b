"""Model status over HTTP: paths, JSON and codes of TensorFlow Serving."""

from __future__ import annotations

import http.client
import json

import pytest


def ask(server, path, method="GET"):
    """(status, body text, content type) of one call."""
    connection = http.client.HTTPConnection("localhost", server.rest_port, timeout=30)
    connection.request(method, path)
    response = connection.getresponse()
    body = response.read().decode()
    connection.close()
    return response.status, body, response.getheader("Content-Type")


@pytest.mark.parametrize(
    "path",
    [
        "/v1/models/tiny",
        "/v1/models/tiny/versions/1",
        "/v1/models/tiny/labels/any",
        "/V1/Models/tiny",
        "/v1/models/t%69ny",
    ],
)
def test_status(tiny_server, path):
    """The status is proto3 JSON with every field, int64 as text."""
    status, body, content_type = ask(tiny_server, path)

    assert (status, content_type) == (200, "application/json")
    assert json.loads(body) == {
        "model_version_status": [
            {
                "version": "1",
                "state": "AVAILABLE",
                "status": {"error_code": "OK", "error_message": ""},
            }
        ]
    }


@pytest.mark.parametrize(
    "method, path, status, message",
    [
        ("GET", "/v1/models/x", 404, "Could not find any versions of model x"),
        (
            "GET",
            "/v1/models/tiny/versions/2",
            404,
            "Could not find version 2 of model tiny",
        ),
        ("GET", "/v1/models", 400, "Missing model name in request."),
        ("GET", "/v1/foo", 400, "Malformed request: GET /v1/foo"),
        ("GET", "/v1/", 400, "Malformed request: GET /v1/"),
        (
            "POST",
            "/v1/models/tiny",
            400,
            "Malformed request: POST /v1/models/tiny",
        ),
        (
            "GET",
            "/v1/models/tiny?a=b",
            404,
            "Could not find any versions of model tiny?a=b",
        ),
        (
            "DELETE",
            "/v1/models/tiny?a=b",
            400,
            "Malformed request: DELETE /v1/models/tiny?a=b",
        ),
    ],
)
def test_errors(tiny_server, method, path, status, message):
    """Every error is a JSON object with the message."""
    received, body, content_type = ask(tiny_server, path, method)

    assert (received, content_type) == (status, "application/json")
    assert json.loads(body) == {"error": message}


def test_huge_version(tiny_server):
    """A version beyond int64 is a 400 without a body."""
    path = f"/v1/models/tiny/versions/{2**63}"

    assert ask(tiny_server, path)[:2] == (400, "")


def test_elsewhere(tiny_server):
    """Outside /v1/ there is nothing."""
    assert ask(tiny_server, "/other")[0] == 404
