"""Request lines of the REST API, good ones and malformed ones."""

from __future__ import annotations

import pytest

from serving.errors import ServingError
from serving.models import ModelTarget
from serving.rest_paths import RestCall, parse_path


@pytest.mark.parametrize(
    "method, path, kind, target",
    [
        ("POST", "/v1/models/m:predict", "predict", {"name": "m"}),
        ("POST", "/v1/models/m:classify", "classify", {"name": "m"}),
        ("POST", "/V1/MODELS/M:regress", "regress", {"name": "M"}),
        (
            "POST",
            "/v1/models/m/versions/00000123:predict",
            "predict",
            {"name": "m", "version": 123},
        ),
        (
            "POST",
            "/v1/models/m/labels/st%61ble:predict",
            "predict",
            {"name": "m", "label": "stable"},
        ),
        ("POST", "/v1/models/a%2Fb%3Ac:predict", "predict", {"name": "a/b:c"}),
        ("POST", "/v1/models/%zz+:predict", "predict", {"name": "%zz+"}),
        ("GET", "/v1/models/m", "status", {"name": "m"}),
        ("GET", "/v1/models/m/Versions/1", "status", {"name": "m", "version": 1}),
        ("GET", "/v1/models/m/labels/l", "status", {"name": "m", "label": "l"}),
        ("GET", "/v1/models/m/metadata", "metadata", {"name": "m"}),
        (
            "GET",
            "/v1/models/m/versions/1/metadata",
            "metadata",
            {"name": "m", "version": 1},
        ),
        ("GET", "/v1/models/m/METADATA", "status", {"name": "m"}),
        ("GET", "/v1/models/metadata", "status", {"name": "metadata"}),
        ("GET", "/v1/models/m?a=b", "status", {"name": "m?a=b"}),
        ("GET", "/v1/models", "status", {"name": ""}),
        ("GET", "/v1/models/versions/1", "status", {"name": "", "version": 1}),
        ("GET", "/v1/models/m/versions/9223372036854775807", "status", None),
        ("GET", "/v1/models/m/versions/" + "0" * 5000 + "1", "status", None),
    ],
)
def test_calls(method, path, kind, target):
    """Fixed words in any case but the call itself; names are decoded afterwards."""
    call = parse_path(method, path)

    assert call.kind == kind
    if target is not None:
        assert call == RestCall(kind, ModelTarget(**target))


@pytest.mark.parametrize(
    "method, path",
    [
        ("GET", "/v1/"),
        ("GET", "/v1/foo"),
        ("GET", "/v1/models/"),
        ("GET", "/v1/models/m/"),
        ("GET", "/v1/models/m/metadata?a=b"),
        ("GET", "/v1/models/m/versions/1?a=b"),
        ("GET", "/v1/models/m:predict"),
        ("GET", "/v1/models/m/versions/x"),
        ("GET", "/v1/models/m/versions/-1"),
        ("GET", "/v1/models/m/versions/\u0661"),
        ("GET", "/v1/models/m/versions/1/labels/l"),
        ("POST", "/v1/models/m"),
        ("POST", "/v1/models/m/metadata"),
        ("POST", "/v1/models/m:PREDICT"),
        ("POST", "/v1/models/m:explain"),
        ("POST", "/v1/models/:predict"),
        ("POST", "/v1/models/m:predict?a=b"),
        ("POST", "/v1/models/a/b:predict"),
        ("PUT", "/v1/models/m"),
        ("HEAD", "/v1/models/m"),
        ("post", "/v1/models/m:predict"),
    ],
)
def test_malformed(method, path):
    """Anything else under /v1/ is told back."""
    with pytest.raises(ServingError) as refusal:
        parse_path(method, path)

    assert refusal.value.message == f"Malformed request: {method} {path}"


@pytest.mark.parametrize("version", [str(2**63), "9" * 19, "1" * 5000])
def test_huge_versions(version):
    """A version that is no int64 is refused without a word, as there."""
    with pytest.raises(ServingError) as refusal:
        parse_path("POST", f"/v1/models/m/versions/{version}:predict")

    assert refusal.value.message == ""
