"""The OpenAPI document: openapi.json, filled in with what this gateway was told.

The file says what is true of every gateway. Limits and models come from Settings, every
error from errors.py, and what all requests pass at the edge is added here.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from string import Template
from typing import TYPE_CHECKING, Any

from jinja2.filters import do_filesizeformat

from gateway.access import KEY_HEADER
from gateway.errors import (
    GatewayBusy,
    GatewayError,
    InvalidRequest,
    KeyRequired,
    TooManyRequests,
)
from gateway.image import FORMATS
from gateway.problem import MEDIA_TYPE
from gateway.request_log import PROBES, REQUEST_ID_HEADER
from gateway.settings import OFF

if TYPE_CHECKING:
    from gateway.settings import Settings

Node = dict[str, Any]

_FILE = Path(__file__).with_name("openapi.json")
_SCHEMAS = "#/components/schemas/"
_METHODS = frozenset({"get", "post"})
# Told by the edge of an application, without a class of ours.
_OTHER_CODES = (
    "internal_error",
    "method_not_allowed",
    "not_found",
    "request_entity_too_large",
)
_KEY_SCHEMES = {
    "key": {
        "type": "apiKey",
        "in": "header",
        "name": KEY_HEADER,
        "description": f"The header {KEY_HEADER}.",
    },
    "bearer": {
        "type": "http",
        "scheme": "bearer",
        "description": "The header Authorization: Bearer, followed by the key.",
    },
    "password": {
        "type": "http",
        "scheme": "basic",
        "description": "HTTP Basic, as browsers ask: any user, the key as password.",
    },
}


def build_document(settings: Settings) -> Node:
    """The document of a gateway with these settings; OpenAPI 3.1."""
    written = json.loads(_FILE.read_text(encoding="utf-8"))
    groups = written.pop("x-error-groups")
    values = written.pop("x-values") | _values(settings)
    document: Node = _fill(written, values)
    for path, _, operation in operations_of(document):
        names = operation.pop("x-errors")
        codes = {code for name in names for code in groups.get(name, [name])}
        codes |= {kind.code for kind in _edge_errors(path, settings)}
        responses = _error_responses(codes, _error_contents(path))
        operation["responses"] = {**responses, **operation["responses"]}
        operation.setdefault("parameters", []).extend(
            {"$ref": f"#/components/parameters/{name}"}
            for name in ("timeout", "request_id")
        )
    _name_requests(document)
    if settings.api_keys_file != OFF:
        _ask_for_keys(document)
    return document


def operations_of(document: Node) -> Iterator[tuple[str, str, Node]]:
    """Path, method and operation, in the document's order."""
    for path, item in document["paths"].items():
        for method, operation in item.items():
            if method in _METHODS:
                yield path, method, operation


def error_kinds() -> tuple[type[GatewayError], ...]:
    """Every error of ours, by status and code."""
    kinds = GatewayError.__subclasses__()
    return tuple(sorted(kinds, key=lambda kind: (kind.status, kind.code)))


def _values(settings: Settings) -> Node:
    """What the file's ${names} stand for."""
    limits = {
        name: do_filesizeformat(size, binary=True)
        for name, size in (
            ("max_image_size", settings.max_image_bytes),
            ("max_body_size", settings.max_body_bytes),
        )
    }
    return {
        **vars(settings),
        **limits,
        "max_pixels": f"{settings.max_image_pixels:,}",
        "models": list(settings.models),
        "formats": f"{', '.join(FORMATS[:-1])} or {FORMATS[-1]}",
        "codes": sorted([kind.code for kind in error_kinds()] + [*_OTHER_CODES]),
    }


def _fill(node: Any, values: Node) -> Any:
    """A copy with values for names; a text that is one name becomes what it names."""
    if isinstance(node, dict):
        return {key: _fill(value, values) for key, value in node.items()}
    if isinstance(node, list):
        return [_fill(value, values) for value in node]
    if not isinstance(node, str):
        return node
    name = node.removeprefix("${").removesuffix("}")
    if node == f"${{{name}}}":
        return values[name]
    return Template(node).substitute(values)


def _edge_errors(path: str, settings: Settings) -> Iterator[type[GatewayError]]:
    """What is told before a route is asked; probes pass all but a bad header."""
    yield InvalidRequest
    if path in PROBES:
        return
    yield GatewayBusy
    if settings.api_keys_file != OFF:
        yield KeyRequired
    if settings.rate_limit != OFF:
        yield TooManyRequests


def _error_contents(path: str) -> Node:
    """Media type to the schema of an error below a path."""
    problem = {MEDIA_TYPE: {"$ref": f"{_SCHEMAS}Problem"}}
    if path == "/":
        return problem | {"text/html": {"type": "string"}}
    if path.startswith("/v2"):
        return {"application/json": {"$ref": f"{_SCHEMAS}InferenceError"}}
    return problem


def _error_responses(codes: Iterable[str], contents: Node) -> Node:
    """Status to the response that tells one of these errors."""
    kinds = [kind for kind in error_kinds() if kind.code in set(codes)]
    return {
        str(int(status)): _error_response(
            [kind for kind in kinds if kind.status == status], contents
        )
        for status in dict.fromkeys(kind.status for kind in kinds)
    }


def _error_response(kinds: list[type[GatewayError]], contents: Node) -> Node:
    headers: Node = {}
    if all(kind.retry_after_seconds is not None for kind in kinds):
        headers["Retry-After"] = {"$ref": "#/components/headers/Retry-After"}
    if KeyRequired in kinds:
        headers["WWW-Authenticate"] = {"$ref": "#/components/headers/WWW-Authenticate"}
    codes = {"properties": {"code": {"enum": [kind.code for kind in kinds]}}}
    return {
        "description": "\n".join(f"{kind.code}: {kind.summary()}" for kind in kinds),
        "headers": headers,
        "content": {
            name: {"schema": schema | (codes if name == MEDIA_TYPE else {})}
            for name, schema in contents.items()
        },
    }


def _name_requests(document: Node) -> None:
    """Every response carries the request's id."""
    responses = list(document["components"]["responses"].values())
    for _, _, operation in operations_of(document):
        responses.extend(operation["responses"].values())
    for response in responses:
        if "$ref" not in response:
            response.setdefault("headers", {})[REQUEST_ID_HEADER] = {
                "$ref": f"#/components/headers/{REQUEST_ID_HEADER}"
            }


def _ask_for_keys(document: Node) -> None:
    document["components"]["securitySchemes"] = _KEY_SCHEMES
    document["security"] = [{name: []} for name in _KEY_SCHEMES]
    for path, _, operation in operations_of(document):
        if path in PROBES:
            operation["security"] = []
