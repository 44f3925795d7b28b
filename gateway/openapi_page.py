"""What the page of the API shows: the document's operations, each with examples.

Owns their order and the examples' addresses; the words stand in openapi.json.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from flask import render_template

from gateway.openapi import Node, operations_of
from gateway.settings import OFF, Settings

# Language to the name that people know it by; also the endings of templates/examples.
LANGUAGES = {"curl": "curl", "python": "Python", "javascript": "JavaScript"}
# Stands in the examples where callers need a key of their own.
EXAMPLE_KEY = "your-api-key-here"
_SCHEMAS = "#/components/schemas/"
# A form for browsers has its page as example.
_WITHOUT_EXAMPLES = frozenset({"show_answer"})


@dataclass(frozen=True)
class Operation:
    """One method of one path; details are the document's, examples by language."""

    method: str
    path: str
    details: Node
    examples: dict[str, str]

    @property
    def id(self) -> str:
        """The operation's name in the document and its place on the page."""
        return str(self.details["operationId"])


@dataclass(frozen=True)
class Chapter:
    """The operations of one tag."""

    name: str
    description: str
    operations: tuple[Operation, ...]


def make_chapters(
    document: Node, settings: Settings, base_url: str
) -> tuple[Chapter, ...]:
    """The document's operations by tag; examples call base_url, without a slash."""
    operations = [
        _make_operation(document, place, settings, base_url)
        for place in operations_of(document)
    ]
    return tuple(
        Chapter(
            tag["name"],
            tag["description"],
            tuple(one for one in operations if tag["name"] in one.details["tags"]),
        )
        for tag in document["tags"]
    )


def _make_operation(
    document: Node, place: tuple[str, str, Node], settings: Settings, base_url: str
) -> Operation:
    path, method, operation = place
    details: Node = _inline(document, operation)
    shared = _inline(document, document["paths"][path].get("parameters", []))
    details["parameters"] = [*shared, *details["parameters"]]
    examples = {}
    if details["operationId"] not in _WITHOUT_EXAMPLES:
        named = path.format(model=quote(settings.default_model, safe=""), version=1)
        examples = _write_examples(details, base_url + named, settings)
    return Operation(method.upper(), path, details, examples)


def _inline(document: Node, node: Any) -> Any:
    """A copy in which every reference but those to schemas is what it points to."""
    if isinstance(node, list):
        return [_inline(document, item) for item in node]
    if not isinstance(node, dict):
        return node
    reference = node.get("$ref")
    if reference is None or reference.startswith(_SCHEMAS):
        return {key: _inline(document, value) for key, value in node.items()}
    target = document
    for name in reference.removeprefix("#/").split("/"):
        target = target[name]
    return _inline(document, target)


def _write_examples(details: Node, url: str, settings: Settings) -> dict[str, str]:
    """Language to a program that calls the operation at url; get.* serve all reads."""
    success = details["responses"][min(details["responses"])]
    return {
        language: render_template(
            [
                f"examples/{details['operationId']}.{language}",
                f"examples/get.{language}",
            ],
            url=url,
            is_json="application/json" in success["content"],
            key=EXAMPLE_KEY if settings.api_keys_file != OFF else "",
            fetches=settings.url_fetch == "public",
        )
        for language in LANGUAGES
    }
