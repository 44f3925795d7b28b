"""What machines ask: it answers (/livez), it knows its models (/readyz), /metrics."""

from __future__ import annotations

from typing import TYPE_CHECKING

from flask import Blueprint, Response
from flask.typing import ResponseReturnValue
from prometheus_client import CONTENT_TYPE_LATEST

from gateway.catalog import find_problems
from gateway.deadline import Deadline
from gateway.errors import ModelUnavailable

if TYPE_CHECKING:
    from gateway.metrics import Metrics
    from gateway.model_client import ModelClient
    from gateway.settings import Settings


def make_routes(settings: Settings, client: ModelClient, metrics: Metrics) -> Blueprint:
    """Build the probes around one model client and what this gateway counts."""
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

    @routes.get("/metrics")
    def show_metrics() -> ResponseReturnValue:
        return Response(metrics.render(), content_type=CONTENT_TYPE_LATEST)

    return routes
