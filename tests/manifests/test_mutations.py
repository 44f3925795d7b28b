"""Each policy of these tests refuses the manifest that breaks it: shown by trying."""

from __future__ import annotations

import copy
import inspect
from pathlib import Path

import jsonschema
import kubernetes_validate
import pytest
import yaml

from gateway.settings import SettingsError
from serving.errors import ServingError
from tests.manifests import (
    test_canary,
    test_network,
    test_pods,
    test_references,
    test_schema,
    test_settings,
    test_shutdown,
)
from tests.manifests.rendered import Objects, choices, overlay_components, plain_name

MODULES = {
    "canary": test_canary,
    "network": test_network,
    "pods": test_pods,
    "references": test_references,
    "schema": test_schema,
    "settings": test_settings,
    "shutdown": test_shutdown,
}
GONE = "(gone)"
SHORT = {
    "pod": "spec template spec",
    "box": "spec template spec containers 0",
    "head": "spec rayClusterSpec headGroupSpec template spec",
    "worker": "spec rayClusterSpec workerGroupSpecs 0 template spec",
    "cron": "spec jobTemplate spec template spec",
}
# How a test says no: by an assertion, or by what it asked a reader that refused.
REFUSALS = (
    AssertionError,
    KeyError,
    ValueError,
    StopIteration,
    SettingsError,
    ServingError,
    jsonschema.ValidationError,
    kubernetes_validate.ValidationError,
)


def read_mutations():
    """(test, object, path, value) of every line of mutations.yaml."""
    path = Path(__file__).parent / "mutations.yaml"
    groups = yaml.safe_load(path.read_text(encoding="utf-8"))
    return [(test, *line) for test, lines in groups.items() for line in lines]


MUTATIONS = read_mutations()


def find_test(name):
    """The function that a name such as pods.probes stands for."""
    module, _, test = name.partition(".")
    return getattr(MODULES[module], f"test_{test}")


def arguments_of(test, objects):
    """A test's arguments, around these objects; the newest schema of Kubernetes."""
    known = {"objects": objects, "full": objects, "version": test_schema.VERSIONS[-1]}
    return {name: known[name] for name in inspect.signature(test).parameters}


@pytest.fixture(name="kind", scope="module")
def kind_overlay():
    """The overlay kind with everything that may be added, as it should be."""
    return Objects("kind", frozenset(overlay_components("kind") | choices("kind")))


def put(item, path, value):
    """Change one value inside nested dicts and lists; the way to it must exist."""
    first, *rest = path.split()
    *way, last = [*SHORT.get(first, first).split(), *rest]
    for key in way:
        item = item[int(key) if isinstance(item, list) else key]
    key = int(last) if isinstance(item, list) else last
    if value == GONE:
        del item[key]
    else:
        item[key] = value


@pytest.mark.parametrize(
    "name, target, path, value", MUTATIONS, ids=lambda value: str(value)[:40]
)
def test_broken_manifest(kind, name, target, path, value):
    """The test holds for the manifests as they are, and not for the broken one."""
    test = find_test(name)
    broken = copy.deepcopy(kind.all)
    kind_name = tuple(target.split("/"))
    (item,) = (i for i in broken if (i["kind"], plain_name(i)) == kind_name)
    put(item, path, value)

    test(**arguments_of(test, kind))

    with pytest.raises(REFUSALS):
        test(**arguments_of(test, Objects("kind", changed=broken)))


def test_every_policy_is_broken_once():
    """No test of rendered objects is without a line in mutations.yaml."""
    policies = {
        f"{module}.{name.removeprefix('test_')}"
        for module, content in MODULES.items()
        for name, test in inspect.getmembers(content, inspect.isfunction)
        if name.startswith("test_")
        and set(inspect.signature(test).parameters) <= {"objects", "full", "version"}
        and set(inspect.signature(test).parameters) & {"objects", "full"}
    }

    assert len(policies) > 50
    assert policies - {name for name, *_ in MUTATIONS} == {
        # It breaks its own objects.
        "schema.templates_of_foreign_kinds"
    }
