"""The paths of the REST API: what a request line asks for.

Names are decoded only after the path was taken apart.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import unquote

from serving.errors import ServingError, invalid_argument
from serving.models import ModelTarget

PREDICT, CLASSIFY, REGRESS = "predict", "classify", "regress"
STATUS, METADATA = "status", "metadata"

# Source: kPredictionApiRegex and kModelStatusApiRegex; matched whole, with the query.
_VERSION = r"(?:/versions/(?P<version>[0-9]+)|/labels/(?P<label>[^/:]+))?"
_POST = re.compile(
    rf"/v1/models/(?P<name>[^/:]+){_VERSION}:(?P<kind>(?-i:classify|regress|predict))",
    re.IGNORECASE,
)
_GET = re.compile(
    rf"/v1/models(?:/(?P<name>[^/:]+))?{_VERSION}(?:/(?P<kind>metadata))?",
    re.IGNORECASE,
)
_PATTERNS = {"POST": _POST, "GET": _GET}
_MAX_VERSION = 2**63 - 1


@dataclass(frozen=True)
class RestCall:
    """What is asked for, and of which model; an empty name is for the call to refuse.

    kind: One of the constants above.
    """

    kind: str
    target: ModelTarget


def parse_path(method: str, path: str) -> RestCall:
    """Take a request line apart.

    Args:
        method: GET, POST, ...
        path: As it was sent, query string included.

    Raises:
        ServingError: INVALID_ARGUMENT; no such call, or a version that is no int64,
            where the message is empty, as TensorFlow Serving's body is.
    """
    pattern = _PATTERNS.get(method)
    match = pattern.fullmatch(path) if pattern else None
    if match is None:
        raise malformed(method, path)
    target = ModelTarget(
        name=unquote(match["name"] or ""),
        version=None if match["version"] is None else _read_version(match["version"]),
        label=None if match["label"] is None else unquote(match["label"]),
    )
    # Only this very spelling is the call; /METADATA is the status, as there.
    is_status = method == "GET" and match["kind"] != METADATA
    return RestCall(STATUS if is_status else match["kind"], target)


def _read_version(digits: str) -> int:
    number = digits.lstrip("0") or "0"
    # Python refuses to read thousands of digits.
    if len(number) > len(str(_MAX_VERSION)) or int(number) > _MAX_VERSION:
        raise invalid_argument("")
    return int(number)


def malformed(method: str, path: str) -> ServingError:
    """A request line under /v1/ that asks for nothing there is."""
    return invalid_argument(f"Malformed request: {method} {path}")
