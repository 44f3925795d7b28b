"""The OpenAPI document: valid, complete, and filled in with the settings."""

from __future__ import annotations

import re

import pytest
import schemathesis

from gateway.app import create_app
from gateway.errors import GatewayError
from gateway.openapi import build_document, operations_of
from gateway.request_log import PROBES
from gateway.settings import Settings

KEY = "a-key-of-sixteen-letters"


@pytest.fixture(name="guarded")
def _guarded(tmp_path):
    """Settings with all that a gateway may ask of its callers."""
    keys = tmp_path / "keys"
    keys.write_text(f"ann {KEY}\n", "utf-8")
    return Settings(api_keys_file=str(keys), rate_limit="1000/minute")


def texts(node):
    """Every text in a document."""
    if isinstance(node, str):
        yield node
    elif isinstance(node, (dict, list)):
        for item in node.values() if isinstance(node, dict) else node:
            yield from texts(item)


def told_errors(document):
    """Status and code of every error that some operation tells."""
    return {
        (int(status), code)
        for _, _, operation in operations_of(document)
        for status, response in operation["responses"].items()
        for code in re.findall(r"^(\w+): ", response.get("description", ""), re.M)
    }


def test_valid(guarded):
    """The OpenAPI Initiative's own schema of 3.1 takes it, with all settings too."""
    for settings in (Settings(), guarded):
        document = build_document(settings)
        schemathesis.openapi.from_dict(document).validate()
        assert document["openapi"] == "3.1.0"


def test_validity_is_checked():
    """The check refuses a document with a field that OpenAPI does not have."""
    document = build_document(Settings())
    document["paths"]["/predict"]["post"]["response"] = {}

    with pytest.raises(Exception, match="response"):
        schemathesis.openapi.from_dict(document).validate()


def test_references():
    """What is referred to is there, and what is there is referred to."""
    document = build_document(Settings())
    there = {
        f"#/components/{kind}/{name}"
        for kind, parts in document["components"].items()
        for name in parts
    }

    used = {text for text in texts(document) if text.startswith("#/")}

    # Only a gateway that asks for keys tells how.
    assert there - used == {"#/components/headers/WWW-Authenticate"}
    assert used <= there


def test_routes(settings, client):
    """Every route of the application is described, and no other; HEAD is GET's."""
    app = create_app(settings, client)
    described = {
        (path, method.upper())
        for path, method, _ in operations_of(build_document(settings))
    }

    routes = {
        (re.sub(r"<(?:[^<>]*:)?(\w+)>", r"{\1}", rule.rule), method)
        for rule in app.url_map.iter_rules()
        for method in rule.methods - {"HEAD", "OPTIONS"}
        # The pages' own files are no part of the API.
        if rule.endpoint != "static"
    }

    assert described == routes


def test_order():
    """Operations come as they are written, in every process; so do their ETags."""
    document = {
        "paths": {"/b": {"post": 1, "parameters": 2, "get": 3}, "/a": {"get": 4}}
    }

    listed = list(operations_of(document))

    assert listed == [("/b", "post", 1), ("/b", "get", 3), ("/a", "get", 4)]


def test_operation_ids():
    """An operation is called as the function that answers it; each name is one's."""
    document = build_document(Settings())
    ids = [operation["operationId"] for _, _, operation in operations_of(document)]

    assert len(ids) == len(set(ids))
    assert all(name.isidentifier() for name in ids)


def test_errors(guarded):
    """Every error of ours is told by an operation, under its status."""
    told = told_errors(build_document(guarded))

    ours = {(kind.status.value, kind.code) for kind in GatewayError.__subclasses__()}
    assert told - ours == {(413, "request_entity_too_large")}
    assert ours <= told


def test_error_codes():
    """The list of codes has all of ours and those of HTTP itself."""
    codes = build_document(Settings())["components"]["schemas"]["ErrorCode"]["enum"]

    assert {kind.code for kind in GatewayError.__subclasses__()} == set(codes) - {
        "internal_error",
        "method_not_allowed",
        "not_found",
        "request_entity_too_large",
    }


def test_limits():
    """Limits are those of this gateway, as numbers and in sentences."""
    settings = Settings(
        models=("cats", "dogs"),
        max_images=7,
        max_image_bytes=3 * 1024 * 1024,
        max_image_pixels=1_234_567,
        max_body_bytes=5 * 1024 * 1024,
    )

    document = build_document(settings)

    schemas, text = document["components"]["schemas"], " ".join(texts(document))
    assert schemas["PhotoForm"]["properties"]["image"]["maxItems"] == 7
    assert schemas["PhotoRequest"]["properties"]["urls"]["maxItems"] == 7
    assert schemas["PhotoRequest"]["properties"]["model"]["enum"] == ["cats", "dogs"]
    assert document["components"]["parameters"]["model"]["schema"]["enum"] == [
        "cats",
        "dogs",
    ]
    assert "Up to 7 pictures in one request, 5.0 MiB in all, 3.0 MiB and 1,234" in text
    assert "${" not in text


def test_a_model_with_dollars():
    """A model's name is no place to be filled in."""
    document = build_document(Settings(models=("${host}", "$$")))

    enum = document["components"]["parameters"]["model"]["schema"]["enum"]
    assert enum == ["${host}", "$$"]


def test_keys(guarded):
    """A gateway with keys says how to send one, and that probes need none."""
    document = build_document(guarded)

    schemes = document["components"]["securitySchemes"]
    assert schemes["key"]["name"] == "X-API-Key"
    assert {scheme["type"] for scheme in schemes.values()} == {"apiKey", "http"}
    for path, _, operation in operations_of(document):
        is_open = operation.get("security") == []
        assert is_open == (path in PROBES)
        assert ("401" in operation["responses"]) != is_open
        assert ("429" in operation["responses"]) != is_open


def test_no_keys():
    """A gateway open to all tells no 401 and no 429."""
    document = build_document(Settings())

    assert "security" not in document
    assert {401, 429}.isdisjoint(status for status, _ in told_errors(document))


def test_every_scheme_opens(guarded, client):
    """Each way to send the key that the document names is taken."""
    web = create_app(guarded, client).test_client()
    schemes = web.get("/openapi.json", headers={"X-API-Key": KEY}).json["components"][
        "securitySchemes"
    ]
    ways = {
        "key": {"headers": {schemes["key"]["name"]: KEY}},
        "bearer": {"headers": {"Authorization": f"Bearer {KEY}"}},
        "password": {"auth": ("anybody", KEY)},
    }

    replies = {name: web.get("/docs", **ways[name]).status_code for name in schemes}

    assert replies == {"key": 200, "bearer": 200, "password": 200}
    assert web.get("/openapi.json").status_code == 401


@pytest.mark.parametrize("address", ["/openapi.json", "/docs"])
def test_cached(web, address):
    """Who has it already is told so; who has another one gets it."""
    first = web.get(address)

    second = web.get(address, headers={"If-None-Match": first.headers["ETag"]})
    other = web.get(address, headers={"If-None-Match": '"another"'})

    assert first.headers["Cache-Control"] == "no-cache"
    assert (second.status_code, second.data) == (304, b"")
    assert (other.status_code, other.data) == (200, first.data)
