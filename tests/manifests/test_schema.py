"""The rendered objects against the API server's own schemas."""

from __future__ import annotations

import jsonschema
import kubernetes_validate
import pytest

from tests.manifests.crd_schemas import SPECS
from tests.manifests.rendered import OVERLAYS, WORKLOADS, pod_templates

# The three newest minor versions the package ships, and the oldest that will do: gRPC
# probes are stable from it on, and kind 0.20 brings it.
NEWEST_MINOR = int(kubernetes_validate.latest_version().split(".")[1])
VERSIONS = ["1.27", *(f"1.{NEWEST_MINOR - age}" for age in (2, 1, 0))]


def test_overlays_exist():
    """The overlays the documents name are there: parametrized tests do run."""
    assert {"embedded", "kind", "production"} <= set(OVERLAYS)


def validate_object(item, version):
    """Refuse a field that the kind does not have; pod templates by Kubernetes' word."""
    spec_schema = SPECS.get((item["apiVersion"], item["kind"]))
    if spec_schema is None:
        assert kubernetes_validate.validate(item, version, strict=True) == version
        return
    jsonschema.validate(item["spec"], spec_schema)
    assert set(item) == {"apiVersion", "kind", "metadata", "spec"}
    if item["kind"] in WORKLOADS:
        for template in pod_templates(item):
            wrapped = {
                "apiVersion": "v1",
                "kind": "PodTemplate",
                "metadata": item["metadata"],
                "template": template,
            }
            kubernetes_validate.validate(wrapped, version, strict=True)


@pytest.mark.parametrize("version", VERSIONS)
def test_schema(objects, version):
    """Every object has only fields this Kubernetes version knows, rightly typed."""
    for item in objects.all:
        validate_object(item, version)


def test_schema_is_strict():
    """A misspelt field is refused, so the test above can fail."""
    service = {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": "x"},
        "spec": {"selectr": {"a": "b"}},
    }

    with pytest.raises(kubernetes_validate.ValidationError):
        validate_object(service, VERSIONS[-1])


@pytest.mark.parametrize(
    "kind, path, value",
    [
        ("ServiceMonitor", ("endpoints", 0, "intervall"), "15s"),
        ("ServiceMonitor", ("endpoints", 0, "interval"), "15 seconds"),
        ("PodMonitor", ("podMetricsEndpoints",), []),
        ("PrometheusRule", ("groups", 0, "rules", 0, "for"), 120),
        ("RayJob", ("submissionMode",), "HttpMode"),
        ("RayJob", ("rayClusterSpec", "headGroupSpec", "rayStartParams", "x"), 0),
        ("RayJob", ("rayClusterSpec", "workerGroupSpec"), []),
    ],
)
def test_foreign_schemas_are_strict(full, kind, path, value):
    """So is a misspelt field, or one of the wrong type, of a kind from elsewhere."""
    (item,) = full.of_kind(kind)
    changed = set_at(item, ("spec", *path), value)

    with pytest.raises(jsonschema.ValidationError):
        validate_object(changed, VERSIONS[-1])


def set_at(item, path, value):
    """A copy of nested dicts and lists with another value at the path."""
    key, *rest = path
    if isinstance(item, list):
        pairs = list(enumerate(item))
        return [set_at(v, rest, value) if i == key and rest else v for i, v in pairs]
    copied = dict(item)
    copied[key] = set_at(item[key], rest, value) if rest else value
    return copied


def test_templates_of_foreign_kinds(full):
    """A misspelt field in a Ray pod is refused as in any other."""
    (job,) = full.of_kind("RayJob")
    path = ("spec", "rayClusterSpec", "headGroupSpec", "template", "spec", "volume")

    with pytest.raises(kubernetes_validate.ValidationError):
        validate_object(set_at(job, path, []), VERSIONS[-1])


def test_names_are_unique(objects):
    """No object hides another of the same kind and name."""
    names = [(item["kind"], item["metadata"]["name"]) for item in objects.all]

    assert len(names) == len(set(names))


def test_namespace(objects):
    """All objects are in the one namespace, which comes first and is a strict one."""
    (namespace,) = objects.of_kind("Namespace")
    # The API server is sent them in this order.
    assert objects.all[0] is namespace
    name = namespace["metadata"]["name"]
    level = "pod-security.kubernetes.io/enforce"

    assert namespace["metadata"]["labels"][level] == "restricted"
    for item in objects.all:
        if item is not namespace:
            assert item["metadata"]["namespace"] == name
