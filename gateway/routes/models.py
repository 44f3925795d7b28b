"""GET /models: what is served here and how good it is."""

from __future__ import annotations

from typing import TYPE_CHECKING

from flask import Blueprint
from flask.typing import ResponseReturnValue

from gateway.catalog import describe_model
from gateway.deadline import Deadline

if TYPE_CHECKING:
    from gateway.model_client import ModelClient
    from gateway.settings import Settings


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

    return routes
