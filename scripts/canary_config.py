"""What models.config and the gateway's file of canaries say; text in, text out."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from google.protobuf import text_format
from tensorflow_serving.config import model_server_config_pb2

STABLE = "stable"
CANARY = "canary"
_Config = model_server_config_pb2.ModelServerConfig


class CanaryFailed(Exception):
    """Something could not be done; the message says what was expected."""


@dataclass(frozen=True)
class Served:
    """What models.config says of one model: its labels, and to which it is held.

    held is empty where the server takes the highest version there is.
    """

    model: str
    labels: Mapping[str, int]
    held: tuple[int, ...]

    @property
    def stable(self) -> int | None:
        """The version that the gateway asks for, if it has its label."""
        return self.labels.get(STABLE)

    @property
    def canary(self) -> int | None:
        """The version that is tried, if one is."""
        return self.labels.get(CANARY)


def read_served(text: str, model: str | None = None) -> Served:
    """One model of a models.config; without a name, the only one.

    Raises:
        CanaryFailed: Not such a file, or not that model in it.
    """
    entry = _find(_parse(text), model)
    held = tuple(entry.model_version_policy.specific.versions)
    return Served(entry.name, dict(entry.version_labels), held)


def write_served(text: str, served: Served) -> str:
    """The models.config with this model as said; comments at its top stay."""
    config = _parse(text)
    entry = _find(config, served.model)
    entry.model_version_policy.Clear()
    entry.model_version_policy.specific.versions.extend(sorted(set(served.held)))
    entry.version_labels.clear()
    for label, version in served.labels.items():
        entry.version_labels[label] = version
    return _leading_comments(text) + text_format.MessageToString(config)


def hold(served: Served, versions: Iterable[int], **labels: int) -> Served:
    """The model held to these versions, with these of our two labels; others stay."""
    others = {
        label: version
        for label, version in served.labels.items()
        if label not in (STABLE, CANARY) and version in set(versions)
    }
    return Served(served.model, {**others, **labels}, tuple(versions))


def write_share(text: str, model: str, share: Mapping[str, Any]) -> str:
    """The gateway's file with this model's share; those of other models stay.

    Raises:
        CanaryFailed: The file is none of that kind.
    """
    return json.dumps(_read_shares(text) | {model: dict(share)}, indent=2) + "\n"


def read_share(text: str, model: str) -> dict[str, Any]:
    """What the gateway's file says of a model; nothing if it does not name it.

    Raises:
        CanaryFailed: The file is none of that kind.
    """
    share = _read_shares(text).get(model, {})
    return share if isinstance(share, dict) else {}


def _read_shares(text: str) -> dict[str, Any]:
    try:
        document = json.loads(text or "{}")
    except ValueError as error:
        raise CanaryFailed(f"expected JSON in the file of canaries: {error}") from error
    if not isinstance(document, dict):
        raise CanaryFailed("expected an object in the file of canaries, received more")
    return document


def _parse(text: str) -> Any:
    try:
        return text_format.Parse(text, _Config())
    except text_format.ParseError as error:
        raise CanaryFailed(f"expected a models.config: {error}") from error


def _find(config: Any, model: str | None) -> Any:
    entries = {entry.name: entry for entry in config.model_config_list.config}
    names = ", ".join(entries) or "none"
    if model is None and len(entries) != 1:
        raise CanaryFailed(f"expected --model and one of {names}")
    name = model or next(iter(entries))
    if name not in entries:
        raise CanaryFailed(f"expected one of the models {names}, received {name}")
    return entries[name]


def _leading_comments(text: str) -> str:
    lines = text.splitlines(keepends=True)
    count = next(
        (place for place, line in enumerate(lines) if not line.startswith("#")),
        len(lines),
    )
    return "".join(lines[:count])
