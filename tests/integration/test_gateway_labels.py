"""Version labels that some replicas of a model server know and others do not."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from gateway.app import create_app
from gateway.model_client import ModelClient
from gateway.settings import Settings
from tests.integration.serving_reloads import entry, reload, status
from tests.tiny_model import write_tiny_model

LABEL = 'version_labels { key: "stable" value: 1 }'
BOTH = "model_version_policy { specific { versions: 1 versions: 2 } }"
WAIT_SECONDS = 30


@pytest.fixture(name="ask")
def _ask(encode_picture, tmp_path):
    """ask(servers, path): a hundred replies of a gateway that asks for the label."""
    photo = encode_picture("RGB", "PNG")
    canaries = tmp_path / "canary.json"
    canaries.write_text('{"tiny": {"percent": 0}}', encoding="utf-8")

    def ask(servers, path):
        ports = ",".join(f"127.0.0.1:{server.grpc_port}" for server in servers)
        settings = Settings(models=("tiny",), canary_file=str(canaries))
        web = create_app(settings, ModelClient(f"ipv4:{ports}")).test_client()

        def post(_):
            return web.post(path, data=photo, content_type="image/png")

        with ThreadPoolExecutor(8) as callers:
            return list(callers.map(post, range(100)))

    return ask


@pytest.mark.parametrize("path", ["/predict", "/explain"])
def test_label_that_goes_away(start_model_server, tmp_path, ask, path):
    """While kubectl apply takes labels away, pod by pod, every caller is answered."""
    write_tiny_model(tmp_path / "tiny")
    servers = [start_model_server(tmp_path / "tiny") for _ in range(2)]
    reload(servers[0], entry(tmp_path, "tiny", LABEL))

    replies = ask(servers, path)

    assert {reply.status_code for reply in replies} == {200}


def start_with_labels(start_model_server, folder, versions):
    """A server held to versions 1 and 2, of which it has loaded only these."""
    for version in versions:
        write_tiny_model(folder / "tiny", version)
    server = start_model_server(
        folder / "tiny", allow_version_labels_for_unavailable_models=True
    )
    reload(server, entry(folder, "tiny", f"{LABEL} {BOTH}"))
    loaded = {version: ("AVAILABLE", 0) for version in versions}
    assert server.wait_until(lambda: status(server, "tiny") == loaded, WAIT_SECONDS)
    return server


def test_pod_that_starts_during_a_canary(start_model_server, tmp_path, ask):
    """A pod that has loaded the canary before the stable version sends nobody there."""
    old = start_with_labels(start_model_server, tmp_path / "old", (1, 2))
    new = start_with_labels(start_model_server, tmp_path / "new", (2,))

    replies = ask((old, new), "/predict")

    assert {reply.json.get("version") for reply in replies} == {1}
