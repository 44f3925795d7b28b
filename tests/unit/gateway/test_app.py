"""The edge: problem documents, request ids, the log, probes, the catalog."""

from __future__ import annotations

import logging

import pytest

from gateway.app import create_app
from gateway.errors import ModelTimeout, ModelUnavailable
from gateway.log_lines import LineFormatter
from gateway.settings import Settings
from tests.tiny_model import tiny_contract

PROBLEM_FIELDS = {"type", "title", "status", "detail", "code", "request_id"}


def log_lines(caplog):
    """The lines of the request log."""
    return [r.getMessage() for r in caplog.records if r.name == "gateway.request_log"]


@pytest.mark.parametrize(
    "method, path, status, code",
    [
        ("GET", "/nowhere", 404, "not_found"),
        ("GET", "/predict", 405, "method_not_allowed"),
        ("DELETE", "/", 405, "method_not_allowed"),
        ("POST", "/predict?model=x", 404, "unknown_model"),
        ("POST", "/predict", 400, "missing_image"),
    ],
)
def test_problem(web, method, path, status, code):
    """Every error is a complete problem document, whoever raised it."""
    reply = web.open(path, method=method)

    assert reply.status_code == status
    assert reply.mimetype == "application/problem+json"
    assert set(reply.json) == PROBLEM_FIELDS
    assert (reply.json["status"], reply.json["code"]) == (status, code)
    assert reply.json["request_id"] == reply.headers["X-Request-ID"]
    assert ("Allow" in reply.headers) is (status == 405)


def test_bug(web, client, encode_picture, caplog):
    """A bug gives a fixed text outside and one traceback in the log."""
    client.failure = KeyError("a secret")

    reply = web.post("/predict", data=encode_picture(), content_type="image/jpeg")

    assert (reply.status_code, reply.json["code"]) == (500, "internal_error")
    assert "secret" not in reply.text
    tracebacks = [record for record in caplog.records if record.exc_info]
    assert len(tracebacks) == 1
    assert reply.json["request_id"] in tracebacks[0].getMessage()


@pytest.mark.parametrize(
    "received", ["abc", "0af7651916cd43dd-8448:eb_211.c", "a" * 128]
)
def test_request_id_kept(web, received):
    """A caller's own id comes back."""
    reply = web.get("/livez", headers={"X-Request-ID": received})

    assert reply.headers["X-Request-ID"] == received


@pytest.mark.parametrize("received", ["", "a b", "a" * 129, 'a"b', "é", "a=b", "<b>"])
def test_request_id_made(web, received):
    """An id that could forge a log line is replaced by one of ours."""
    reply = web.get("/livez", headers={"X-Request-ID": received})

    made = reply.headers["X-Request-ID"]
    assert len(made) == 32 and made.isalnum() and made != received


def test_log_line(web, encode_picture, caplog):
    """One line per request says who answered what, and nothing private."""
    caplog.set_level(logging.INFO)
    data = encode_picture("RGB", "PNG")

    web.post(
        "/predict?token=secret",
        data=data,
        content_type="image/png",
        headers={"X-Request-ID": "id-1", "Authorization": "secret"},
    )

    (line,) = log_lines(caplog)
    pairs = dict(pair.split("=", 1) for pair in line.split(" "))
    assert pairs.pop("milliseconds").replace(".", "").isdigit()
    assert pairs.pop("score").startswith("0.")
    assert pairs.pop("label") in ("red", "green", "blue")
    assert pairs == {
        "method": "POST",
        "path": "/predict",
        "status": "200",
        "bytes": str(len(data)),
        "model": "tiny",
        "version": "1",
        "request_id": "id-1",
    }


def test_log_quotes(settings, fetch, client, encode_picture, caplog):
    """A label or a path cannot forge a second line or another field."""
    caplog.set_level(logging.INFO)
    client.versions = {1: tiny_contract(labels=("not\npizza", "a status=200"))}
    web = create_app(settings, client, fetch).test_client()

    web.post("/predict", data=encode_picture(), content_type="image/jpeg")
    web.get("/a%0Amethod=GET%20status=200")

    predicted, missing = log_lines(caplog)
    assert "\n" not in predicted + missing
    assert 'label="' in predicted
    assert 'path="/a\\nmethod=GET status=200" status=404' in missing


def test_client_errors_leave_one_line(web, caplog):
    """A 4xx leaves its line and no traceback."""
    caplog.set_level(logging.INFO)

    web.post("/predict", data=b"text", content_type="image/png")

    assert len(caplog.records) == 1
    assert caplog.records[0].exc_info is None


@pytest.mark.parametrize("kind", [ModelUnavailable, ModelTimeout])
def test_outage_leaves_one_line(web, client, encode_picture, caplog, kind):
    """While the model server is away each call leaves one line with the reason."""
    caplog.set_level(logging.INFO)
    client.failure = kind("the server is away")

    web.post("/predict", data=encode_picture(), content_type="image/jpeg")

    (record,) = caplog.records
    assert 'reason="the server is away"' in record.getMessage()
    assert record.exc_info is None


def test_probes_leave_no_line(web, client, caplog):
    """Probes are not logged, whether they succeed or fail."""
    caplog.set_level(logging.INFO)
    client.failure = ModelUnavailable("away")

    web.get("/livez")
    web.get("/healthz")
    web.get("/readyz")

    assert not caplog.records


def test_log_format():
    """A line starts with the time in UTC, the level and the logger."""
    record = logging.makeLogRecord(
        {"name": "gateway", "levelname": "INFO", "msg": "a=%s", "args": (1,)}
    )
    record.created, record.msecs = 0.0, 7

    line = LineFormatter().format(record)

    assert line == "time=1970-01-01T00:00:00.007Z level=INFO logger=gateway a=1"


@pytest.mark.parametrize("path", ["/livez", "/healthz"])
def test_alive(web, client, path):
    """The process is alive whatever the model server does."""
    client.failure = ModelUnavailable("away")

    assert web.get(path).status_code == 200


def test_ready(web, client):
    """Ready once every contract was read, and from then on: trouble is per request."""
    client.failure = ModelUnavailable("model 'tiny': away")
    before = web.get("/readyz")
    client.failure = None
    known = web.get("/readyz")
    client.failure = ModelUnavailable("model 'tiny': away")
    after = web.get("/readyz")

    assert (before.status_code, known.status_code, after.status_code) == (503, 200, 200)
    assert before.json["detail"].count("away") == 2
    assert before.mimetype == "application/problem+json"
    assert int(before.headers["Retry-After"]) > 0


def test_models(web, client):
    """The catalog names each model's version, labels, size, accuracy and states."""
    client.versions[3] = tiny_contract(labels=("cat", "dog"), size=(6, 4))

    tiny, second = web.get("/models").json["models"]

    assert (tiny["name"], second["name"]) == ("tiny", "second")
    assert (tiny["version"], tiny["state"]) == (3, "AVAILABLE")
    assert (tiny["labels"], tiny["can_explain"]) == (["cat", "dog"], False)
    assert tiny["image"] == {"height": 6, "width": 4, "resize": "squash-bilinear"}
    assert tiny["accuracy"] == {
        "test_accuracy": 1.0,
        "interval_low": 0.2,
        "interval_high": 1.0,
    }
    assert [entry["version"] for entry in tiny["versions"]] == [3, 1]


def test_models_unreachable(web, client):
    """A model that does not answer stays in the catalog, with the reason."""
    client.failure = ModelUnavailable("model 'tiny': away")

    reply = web.get("/models")

    assert reply.status_code == 200
    assert reply.json["models"][0] == {
        "name": "tiny",
        "state": "UNREACHABLE",
        "detail": "model 'tiny': away",
    }


def test_security_headers(web):
    """No page runs foreign or inline scripts, is framed or loads from elsewhere."""
    for path in ("/", "/livez", "/nowhere", "/static/page.css"):
        with web.get(path) as reply:
            headers = reply.headers

        assert "default-src 'none'" in headers["Content-Security-Policy"]
        assert "script-src 'self';" in headers["Content-Security-Policy"]
        assert "unsafe" not in headers["Content-Security-Policy"]
        assert headers["X-Content-Type-Options"] == "nosniff"


def test_fetch_off(client):
    """A gateway that fetches nothing says so, in both forms."""
    web = create_app(Settings(url_fetch="off"), client).test_client()

    reply = web.post("/predict", json={"url": "https://example.org/a.png"})

    assert (reply.status_code, reply.json["code"]) == (400, "forbidden_url")
    assert 'name="url"' not in web.get("/").text


def test_fetch_default(client):
    """Without another fetch, the real one is wired in: it refuses what leads inward."""
    web = create_app(Settings(), client).test_client()

    reply = web.post("/predict", json={"url": "http://127.0.0.1/a.png"})

    assert (reply.status_code, reply.json["code"]) == (400, "forbidden_url")
