"""Probes: the process answers (/livez), and it knows its models (/readyz)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from flask import Blueprint
from flask.typing import ResponseReturnValue

from gateway.catalog import find_problems
from gateway.deadline import Deadline
from gateway.errors import ModelUnavailable

if TYPE_CHECKING:
    from gateway.model_client import ModelClient
    from gateway.settings import Settings


def make_routes(settings: Settings, client: ModelClient) -> Blueprint:
    """Build the probes around one model client."""
    routes = Blueprint("health", __name__)

    @routes.get("/livez")
    @routes.get("/healthz")
    def livez() -> ResponseReturnValue:
        return {"status": "alive"}

    @routes.get("/readyz")
    def readyz() -> ResponseReturnValue:
        """Ready once every contract was read: later trouble is a 503 per request."""
        deadline = Deadline.after(settings.model_timeout_seconds)
        problems = find_problems(client, settings.models, deadline)
        if problems:
            raise ModelUnavailable("; ".join(problems))
        return {"status": "ready"}

    return routes
