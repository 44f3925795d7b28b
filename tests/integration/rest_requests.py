"""HTTP requests to the REST port of a server, short enough for tests."""

from __future__ import annotations

import http.client
import json
from contextlib import closing
from dataclasses import dataclass

TIMEOUT_SECONDS = 30


@dataclass(frozen=True)
class Answer:
    """What came back."""

    status: int
    text: str
    headers: dict

    @property
    def json(self):
        """The document."""
        return json.loads(self.text)


def send(server, method, path, body=None, **options):
    """One request on a connection of its own; a body may be an iterable of chunks."""
    connection = http.client.HTTPConnection(
        "localhost", server.rest_port, timeout=TIMEOUT_SECONDS
    )
    with closing(connection):
        return send_on(connection, method, path, body, **options)


def send_on(connection, method, path, body=None, headers=None):
    """One request on an open connection."""
    body = body.encode() if isinstance(body, str) else body
    connection.request(method, path, body, headers or {})
    response = connection.getresponse()
    return Answer(response.status, response.read().decode(), dict(response.headers))


def post(server, path, document):
    """The answer to a JSON body under /v1/models/."""
    return send(server, "POST", f"/v1/models/{path}", json.dumps(document))
