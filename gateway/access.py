"""Who may ask: callers with an API key, once there is a file of them; probes stay open.

A browser asks for the key by itself: as the password of HTTP Basic, any user name.
"""

from __future__ import annotations

from flask import Flask, Request, Response, g, request

from gateway import request_log
from gateway.api_keys import KeyRing
from gateway.errors import KeyRequired
from gateway.problem import error_response

KEY_HEADER = "X-API-Key"
_CHALLENGES = ('Bearer realm="gateway"', 'Basic realm="gateway", charset="UTF-8"')


def add_access(app: Flask, keys: KeyRing) -> None:
    """Let only callers with a key pass, but for probes; the line names them.

    A refusal is a short document also where the page was asked: a stranger costs
    nothing and sees nothing.
    """

    def check() -> Response | None:
        if request_log.is_probe():
            return None
        received = received_key(request)
        caller = None if received is None else keys.find(received)
        if caller is not None:
            g.caller = caller
            request_log.note(caller=caller)
            return None
        what = "none" if received is None else "one that is not known"
        error = KeyRequired(
            f"expected an API key as Authorization: Bearer or {KEY_HEADER}, "
            f"received {what}"
        )
        request_log.log_failure(error)
        response = error_response(error)
        for challenge in _CHALLENGES:
            response.headers.add("WWW-Authenticate", challenge)
        return response

    app.before_request(check)


def received_key(asked: Request) -> str | None:
    """The key a request brings: its own header, a bearer token or a password."""
    if KEY_HEADER in asked.headers:
        return asked.headers[KEY_HEADER]
    sent = asked.authorization
    if sent is None or sent.type not in ("bearer", "basic"):
        return None
    return sent.token if sent.type == "bearer" else sent.password
