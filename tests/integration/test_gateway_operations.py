"""What an operator of the running gateway relies on: its log."""

from __future__ import annotations

import json

import urllib3

from tests.integration.gateway_process import running_gateway


def test_json_log():
    """With GATEWAY_LOG_FORMAT=json each line is one object, gunicorn's too."""
    with running_gateway(log_format="json", models="tiny") as gateway:
        with urllib3.PoolManager(retries=False, timeout=30.0) as pool:
            headers = {"X-Request-ID": "find-me"}
            pool.request("GET", f"{gateway.url}/nowhere", headers=headers)

    events = [json.loads(line) for line in gateway.lines]
    (mine,) = [event for event in events if event.get("request_id") == "find-me"]
    assert (mine["status"], mine["path"]) == (404, "/nowhere")
    assert {"gunicorn.error"} <= {event["logger"] for event in events}
