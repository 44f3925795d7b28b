"""The split on every route, and a file of canaries that changes under it."""

from __future__ import annotations

import io
import os
import time
from functools import partial

import pytest

from gateway.errors import ModelFailed
from tests.unit.gateway.inferring import INFER, json_pictures
from tests.unit.gateway.splitting import TwoVersions, ask, start_gateway
from tests.unit.gateway.test_metrics import value

WAIT_SECONDS = 30


@pytest.fixture(name="start")
def _start(tmp_path):
    """start(client, percent=...): a gateway that splits, as Flask's test client."""
    return partial(start_gateway, tmp_path)


def send_infer(web, picture):
    """One picture by the Open Inference Protocol."""
    return web.post(INFER, json=json_pictures(picture))


def send_page(web, picture):
    """One picture as the page's form sends it."""
    data = {"image": (io.BytesIO(picture), "red.png")}
    return web.post("/", data=data, content_type="multipart/form-data")


def send_explain(web, picture):
    """One picture whose explanation is asked for."""
    return web.post("/explain", data=picture, content_type="image/png")


@pytest.mark.parametrize("send", [send_infer, send_page, send_explain])
@pytest.mark.parametrize("fails", [False, True])
def test_other_routes(start, red, caplog, send, fails):
    """The page, explanations and the Open Inference Protocol are split as well."""
    caplog.set_level("INFO")
    client = TwoVersions()
    client.can_explain = True
    client.canary_error = ModelFailed("broken") if fails else None

    reply = send(start(client, percent=100), red)

    assert reply.status_code == 200, reply.text
    line = next(text for text in caplog.messages if "method=POST" in text)
    side, version = ("stable", 1) if fails else ("canary", 2)
    assert f" side={side} " in line and f" version={version} " in line
    assert (" canary_failed=model_failed " in line) == fails


def test_canary_without_explanation(start, red):
    """A canary that cannot explain leaves explanations to the stable version."""
    client = TwoVersions()
    client.can_explain = True
    client.silent = (2,)

    reply = send_explain(start(client, percent=100), red)

    assert (reply.status_code, reply.json["version"]) == (200, 1)


def test_changed_file(start, red, tmp_path):
    """A new share counts without a restart, and /metrics shows it."""
    web = start(TwoVersions(), percent=0)
    assert value(web, "gateway_canary_percent", model="tiny") == 0
    path = tmp_path / "canary.json"
    aside = tmp_path / "aside.json"
    aside.write_text('{"tiny": {"percent": 100}}', encoding="utf-8")

    os.replace(aside, path)
    ends_at = time.monotonic() + WAIT_SECONDS
    while value(web, "gateway_canary_percent", model="tiny") != 100:
        assert time.monotonic() < ends_at

    assert ask(web, red) == 2


def test_broken_file(start, red, tmp_path):
    """A file that cannot be read changes nothing, and /metrics tells of it."""
    web = start(TwoVersions(), percent=100)
    assert value(web, "gateway_canary_file_broken") == 0

    (tmp_path / "canary.json").write_text("{", encoding="utf-8")
    ends_at = time.monotonic() + WAIT_SECONDS
    while not value(web, "gateway_canary_file_broken"):
        assert time.monotonic() < ends_at

    assert ask(web, red) == 2
