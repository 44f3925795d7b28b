"""API keys: who passes, who does not, and what a stranger sees."""

from __future__ import annotations

import os

import pytest

from gateway.api_keys import KeyRing, KeysFileError, read_keys
from gateway.app import create_app
from gateway.settings import Settings
from tests.unit.gateway.sending import send_raw

KEY = "a-long-key-of-anna"
OTHER = "another-key-of-bob"


@pytest.fixture(name="keys_file")
def _keys_file(tmp_path):
    """Two callers, a comment and a blank line."""
    path = tmp_path / "keys"
    path.write_text(f"# callers\nanna {KEY}\n\nbob\t{OTHER}\n", encoding="utf-8")
    return path


@pytest.fixture(name="web")
def _web(client, fetch, keys_file):
    settings = Settings(models=("tiny",), api_keys_file=str(keys_file))
    return create_app(settings, client, fetch).test_client()


@pytest.mark.parametrize(
    "arguments",
    [
        {"headers": {"X-API-Key": KEY}},
        {"headers": {"Authorization": f"Bearer {KEY}"}},
        {"headers": {"Authorization": f"bearer {KEY}"}},
        {"auth": ("anybody", KEY)},
        {"headers": {"X-API-Key": OTHER}},
    ],
    ids=["header", "bearer", "lower-case", "browser", "second-caller"],
)
def test_known_key(web, arguments):
    """Each form of each key opens every route."""
    for path in ("/", "/models", "/static/page.css"):
        with web.get(path, **arguments) as reply:
            assert reply.status_code == 200


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"X-API-Key": ""},
        {"X-API-Key": KEY[:-1]},
        {"X-API-Key": KEY + "a"},
        {"X-API-Key": KEY.upper()},
        {"X-API-Key": "anna"},
        {"X-API-Key": f"anna {KEY}"},
        {"X-API-Key": "é" * 16},
        {"Authorization": KEY},
        {"Authorization": f"Digest {KEY}"},
        {"Authorization": "Basic %%%"},
        {"Authorization": "Bearer"},
        {"X-API-Key": "wrong", "Authorization": f"Bearer {KEY}"},
    ],
)
def test_stranger(web, client, headers, encode_picture):
    """Anything else is a 401 that says how to do better; no model is asked."""
    reply = send_raw(web, encode_picture(), headers=headers)

    assert (reply.status_code, reply.json["code"]) == (401, "key_required")
    assert reply.json["detail"].startswith("expected an API key")
    challenges = reply.headers.getlist("WWW-Authenticate")
    assert [text.split()[0] for text in challenges] == ["Bearer", "Basic"]
    assert KEY not in reply.text
    assert not client.cached


@pytest.mark.parametrize("path", ["/", "/models", "/nowhere", "/static/page.css"])
def test_closed(web, client, path):
    """Without a key nothing is shown, and the page is not even drawn."""
    reply = web.get(path)

    assert reply.status_code == 401
    assert reply.mimetype == "application/problem+json"
    assert not client.cached


@pytest.mark.parametrize("path", ["/livez", "/healthz", "/readyz", "/metrics"])
def test_probes_stay_open(web, path):
    """A kubelet and a Prometheus have no key."""
    assert web.get(path).status_code == 200


def test_log_names_the_caller(web, caplog):
    """The line has the caller's name and never a key."""
    caplog.set_level("INFO")

    web.get("/models", headers={"X-API-Key": OTHER})
    web.get("/models", headers={"X-API-Key": "a-wrong-key-of-eve"})

    assert "caller=bob" in caplog.text
    assert OTHER not in caplog.text and "eve" not in caplog.text


def test_changed_file(keys_file):
    """A Secret that is mounted anew counts at once: new keys in, old ones out."""
    keys = KeyRing(keys_file)
    before = keys.find(KEY)

    replace(keys_file, f"carla {OTHER}\n")

    assert before == "anna"
    assert (keys.find(KEY), keys.find(OTHER)) == (None, "carla")


@pytest.mark.parametrize("text", ["", "anna tiny-key\n", None])
def test_broken_change(keys_file, caplog, text):
    """A file that breaks or goes locks nobody out; the log says so, once."""
    keys = KeyRing(keys_file)

    if text is None:
        keys_file.unlink()
    else:
        replace(keys_file, text)

    assert [keys.find(KEY) for _ in range(3)] == ["anna"] * 3
    assert len(caplog.records) == 1
    assert "tiny-key" not in caplog.text


@pytest.mark.parametrize(
    "text, problem",
    [
        ("", "received none"),
        ("# nobody\n", "received none"),
        (KEY, "line 1: expected NAME KEY"),
        (f"a b {KEY}", "line 1: expected NAME KEY"),
        (f"anna {KEY}\nbob short-secret1", "line 2: expected a key of 16"),
        (f"anna {KEY}\nbob {KEY}", "one twice"),
        (f"an=na {KEY}", "line 1"),
        ("anna \u00e9" + KEY, "line 1"),
    ],
)
def test_bad_file(tmp_path, text, problem):
    """What cannot be used is named by its line, without the key."""
    path = tmp_path / "keys"
    path.write_text(text, encoding="utf-8")

    with pytest.raises(KeysFileError, match=problem) as caught:
        read_keys(path)

    assert KEY not in str(caught.value) and "short-secret1" not in str(caught.value)


def test_no_file(tmp_path):
    """A file that is not there, or not text, is said so."""
    (tmp_path / "binary").write_bytes(b"\xff\xfe\x00")

    for name in ("missing", "binary"):
        with pytest.raises(KeysFileError, match="expected a file"):
            read_keys(tmp_path / name)


def replace(path, text):
    """Another file under the same name, as a mounted Secret changes."""
    new = path.with_suffix(".new")
    new.write_text(text, encoding="utf-8")
    os.replace(new, path)
