"""GET /models: what is served here and how good it is; reports of trained versions."""

from __future__ import annotations

from typing import TYPE_CHECKING

from flask import Blueprint, Response
from flask.typing import ResponseReturnValue

from gateway.catalog import describe_model
from gateway.deadline import Deadline
from gateway.reports import find_report

if TYPE_CHECKING:
    from gateway.model_client import ModelClient
    from gateway.settings import Settings

# A report is one file with its own styles and pictures; it runs and loads nothing.
_REPORT_POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; "
    "form-action 'none'; frame-ancestors 'none'"
)


def make_routes(settings: Settings, client: ModelClient) -> Blueprint:
    """Build the catalog route around one model client."""
    routes = Blueprint("models", __name__)

    @routes.get("/models")
    def models() -> ResponseReturnValue:
        deadline = Deadline.after(settings.model_timeout_seconds)
        return {
            "models": [
                describe_model(client, name, deadline) for name in settings.models
            ]
        }

    @routes.get("/models/<model>/versions/<version>/report")
    def report(model: str, version: str) -> ResponseReturnValue:
        text = find_report(settings, model, version).read_bytes()
        response = Response(text, mimetype="text/html")
        response.headers["Content-Security-Policy"] = _REPORT_POLICY
        return response

    return routes
