"""The rendered objects against the API server's own schemas."""

from __future__ import annotations

import kubernetes_validate
import pytest

from tests.manifests.rendered import OVERLAYS

# The three newest minor versions the package ships.
NEWEST_MINOR = int(kubernetes_validate.latest_version().split(".")[1])
VERSIONS = [f"1.{NEWEST_MINOR - age}" for age in (2, 1, 0)]


def test_overlays_exist():
    """The overlays the documents name are there: parametrized tests do run."""
    assert {"embedded", "kind"} <= set(OVERLAYS)


@pytest.mark.parametrize("version", VERSIONS)
def test_schema(objects, version):
    """Every object has only fields this Kubernetes version knows, rightly typed."""
    for item in objects.all:
        validated = kubernetes_validate.validate(item, version, strict=True)

        assert validated == version


def test_schema_is_strict():
    """A misspelt field is refused, so the test above can fail."""
    service = {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": "x"},
        "spec": {"selectr": {"a": "b"}},
    }

    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate(service, VERSIONS[-1], strict=True)


def test_names_are_unique(objects):
    """No object hides another of the same kind and name."""
    names = [(item["kind"], item["metadata"]["name"]) for item in objects.all]

    assert len(names) == len(set(names))


def test_namespace(objects):
    """All objects are in the one namespace, and it enforces pod security."""
    (namespace,) = objects.of_kind("Namespace")
    name = namespace["metadata"]["name"]
    level = "pod-security.kubernetes.io/enforce"

    assert namespace["metadata"]["labels"][level] == "restricted"
    for item in objects.all:
        if item is not namespace:
            assert item["metadata"]["namespace"] == name
