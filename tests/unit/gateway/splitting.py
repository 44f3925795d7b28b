"""A gateway in this process whose requests are split between two versions."""

from __future__ import annotations

import json

from gateway.app import create_app
from gateway.settings import Settings
from tests.tiny_model import tiny_contract
from tests.unit.gateway.explaining import ExplainingClient


class TwoVersions(ExplainingClient):
    """Version 1 is stable and 2 the canary; canary_error is what the latter raises."""

    def __init__(self, canary_contract=None):
        super().__init__({1: tiny_contract(), 2: canary_contract or tiny_contract()})
        self.labels = {"stable": 1, "canary": 2}
        self.canary_error = None
        self.deadlines = []

    def predict(self, target, batch, deadline):
        """As a model server whose canary may fail."""
        self.deadlines.append((target.label, deadline.remaining_seconds()))
        if target.label == "canary" and self.canary_error:
            raise self.canary_error
        return super().predict(target, batch, deadline)


def start_gateway(folder, client, document=None, **canary):
    """Flask's test client of a gateway that follows folder/canary.json.

    The file holds the document, or the model tiny with these fields.
    """
    path = folder / "canary.json"
    path.write_text(json.dumps(document or {"tiny": canary}), encoding="utf-8")
    settings = Settings(models=("tiny", "second"), canary_file=str(path))
    return create_app(settings, client).test_client()


def ask(web, picture, request_id=None, query=""):
    """The version that answered."""
    headers = {"X-Request-ID": request_id} if request_id else {}
    reply = web.post(
        f"/predict{query}", data=picture, content_type="image/png", headers=headers
    )
    assert reply.status_code == 200, reply.text
    return reply.json["version"]
