"""The OpenAPI document beside the gateway it describes: answers are compared."""

from __future__ import annotations

import schemathesis
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    negative_data_rejection,
    positive_data_acceptance,
)


def seal(node):
    """A copy whose objects hold what the document names, and nothing else."""
    if isinstance(node, list):
        return [seal(item) for item in node]
    if not isinstance(node, dict):
        return node
    sealed = {name: seal(value) for name, value in node.items()}
    if "object" in (node.get("type") or ()) and "properties" in node:
        sealed["additionalProperties"] = False
    return sealed


def load(app, change=lambda document: None, headers=None):
    """The document of an application, sealed and changed, to be compared with it."""
    document = seal(app.test_client().get("/openapi.json", headers=headers).json)
    change(document)
    schema = schemathesis.openapi.from_dict(document)
    schema.app = app
    # Also a request that is too long is refused.
    schema.config.checks.negative_data_rejection.expected_statuses = ["4xx"]
    return schema


def call(case, **more):
    """Send a case and compare the answer with the document."""
    # What is no picture is refused, which a schema cannot tell; 5xx: check_failure.
    left_out = [positive_data_acceptance, not_a_server_error]
    if case.media_type == "multipart/form-data":
        # A browser sends an empty field where nothing was chosen.
        left_out.append(negative_data_rejection)
    return case.call_and_validate(excluded_checks=left_out, **more)
