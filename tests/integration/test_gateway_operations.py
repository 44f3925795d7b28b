"""What an operator of the running gateway relies on: its log, its limits."""

from __future__ import annotations

import json
import socket
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import pytest
import urllib3

from gateway.admission import TIMEOUT_HEADER
from gateway.app import create_app
from gateway.model_client import ModelClient
from gateway.settings import Settings
from tests.integration.gateway_process import running_gateway, start_to_the_end


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


def test_past_deadline(tiny_server, encode_picture):
    """A caller that has left by now is told so, and the model is not asked."""
    settings = Settings(models=("tiny",))
    client = ModelClient(f"localhost:{tiny_server.grpc_port}")
    web = create_app(settings, client).test_client()
    body = {"data": encode_picture(), "content_type": "image/jpeg"}

    late = web.post("/predict", headers={TIMEOUT_HEADER: "1e-9"}, **body)
    patient = web.post("/predict", headers={TIMEOUT_HEADER: "20"}, **body)

    client.close()
    assert (late.status_code, late.json["code"]) == (504, "model_timeout")
    assert patient.status_code == 200


def test_refused_while_busy(silent_server):
    """More requests than the cap: the rest is refused at once, probes are answered.

    The model server never answers, so each request that is taken in ends with a 504
    after one second; a refusal that had to wait for a thread would take as long.
    """
    settings = {"model_address": silent_server, "max_in_flight": 4, "threads": 2}
    with running_gateway(**settings, models="tiny", model_timeout_seconds=1) as gateway:
        with urllib3.PoolManager(retries=False, timeout=30.0, maxsize=12) as pool:
            with ThreadPoolExecutor(12) as callers:
                replies = list(callers.map(partial(ask, pool, gateway), range(12)))
            live = pool.request("GET", f"{gateway.url}/livez")

    refused = [reply for reply in replies if b"requests at once" in reply.data]
    taken_in = [reply for reply in replies if reply not in refused]
    assert len(taken_in) == 4 and len(refused) == 8
    assert {reply.status for reply in refused} == {503}
    assert live.status == 200


def ask(pool, gateway, _number):
    """One prediction of a gateway; the picture is never looked at."""
    return pool.request("POST", f"{gateway.url}/predict", body=b"x")


@pytest.fixture(name="silent_server")
def _silent_server():
    """The address of something that takes connections and never says a word."""
    with socket.create_server(("localhost", 0)) as silent:
        yield f"localhost:{silent.getsockname()[1]}"


def test_bad_keys_file(tmp_path):
    """A file of keys that cannot be used ends the start with a sentence."""
    result = start_to_the_end(api_keys_file=tmp_path / "missing")

    assert result.returncode == 2
    assert "expected a file of API keys" in result.stderr
    assert "Traceback" not in result.stderr
