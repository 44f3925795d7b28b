"""Overlays with any components, rendered once each, and questions about the objects."""

from __future__ import annotations

import functools
import os
import shutil
import subprocess
import tempfile
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
KUBE_CONFIG = ROOT / "kube-config"
OVERLAYS = sorted(
    path.parent.name for path in KUBE_CONFIG.glob("overlays/*/kustomization.yaml")
)
COMPONENTS = {
    path.parent.name for path in KUBE_CONFIG.glob("components/*/kustomization.yaml")
}
# Part of what the overlay embedded is; beside other images it would be a mistake.
NOT_A_CHOICE = {"embedded-server"}
# The ways to the pod templates of each kind.
_TEMPLATES = {
    "Deployment": ("spec.template",),
    "StatefulSet": ("spec.template",),
    "DaemonSet": ("spec.template",),
    "Job": ("spec.template",),
    "CronJob": ("spec.jobTemplate.spec.template",),
    "RayJob": (
        "spec.rayClusterSpec.headGroupSpec.template",
        "spec.rayClusterSpec.workerGroupSpecs.0.template",
    ),
}
WORKLOADS = tuple(_TEMPLATES)


def overlay_components(overlay):
    """The components an overlay lists."""
    return {Path(folder).name for folder in _read_overlay(overlay)["components"]}


def choices(overlay):
    """The components that may be added to an overlay."""
    return COMPONENTS - NOT_A_CHOICE - overlay_components(overlay)


@functools.cache
def render(overlay, components=None):
    """All objects of an overlay, as `kubectl apply -k` would send them.

    components: a frozenset that takes the place of the overlay's own list.
    """
    if shutil.which("kubectl") is None:
        pytest.skip("kubectl is missing")
    if components is None:
        return _kustomize(KUBE_CONFIG / "overlays" / overlay)
    with tempfile.TemporaryDirectory() as folder:
        _write_variant(Path(folder), overlay, components)
        return _kustomize(folder)


def _write_variant(folder, overlay, components):
    """The overlay's own kustomization with another list of components."""
    content = _read_overlay(overlay)
    root = os.path.relpath(KUBE_CONFIG, folder.resolve())
    content["resources"] = [f"{root}/base"]
    content["components"] = [f"{root}/components/{name}" for name in sorted(components)]
    text = yaml.safe_dump(content)
    (folder / "kustomization.yaml").write_text(text, encoding="utf-8")


def _read_overlay(overlay):
    path = KUBE_CONFIG / "overlays" / overlay / "kustomization.yaml"
    return yaml.safe_load(path.read_text(encoding="utf-8"))


def _kustomize(folder):
    done = subprocess.run(
        ["kubectl", "kustomize", str(folder)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert not done.stderr
    return tuple(yaml.load_all(done.stdout, yaml.CSafeLoader))


class Objects:
    """The rendered objects of one overlay, or those a test has changed."""

    def __init__(self, overlay, components=None, changed=None):
        self.overlay = overlay
        self.all = changed or render(overlay, components)

    def of_kind(self, *kinds):
        """Objects of these kinds; a test that loops over none would prove nothing."""
        found = [item for item in self.all if item["kind"] in kinds]
        assert found, f"no {' or '.join(kinds)} is rendered"
        return found

    def any_of_kind(self, *kinds):
        """Objects of these kinds, which not every variant has."""
        return [item for item in self.all if item["kind"] in kinds]

    def named(self, kind, name):
        """The one object of that kind and name; ConfigMaps without their hash."""
        found = [item for item in self.of_kind(kind) if plain_name(item) == name]
        assert len(found) == 1, f"{len(found)} objects {kind}/{name}"
        return found[0]

    def pods(self):
        """(workload name, pod template) of every workload."""
        return [
            (item["metadata"]["name"], template)
            for item in self.of_kind(*WORKLOADS)
            for template in pod_templates(item)
        ]

    def containers(self):
        """Every container of every workload, init containers too."""
        return [
            container for _, pod in self.pods() for container in all_containers(pod)
        ]

    def selected(self, selector):
        """Pod templates that a label selector meets."""
        wanted = selector.get("matchLabels", {}).items()
        return [
            pod for _, pod in self.pods() if wanted <= pod["metadata"]["labels"].items()
        ]

    def components_as_listed(self):
        """The names of the overlay's components in the order of its file."""
        return [Path(path).name for path in _read_overlay(self.overlay)["components"]]

    def model_servers(self):
        """The Deployments that serve models: the stable one and a canary."""
        return [
            item
            for item in self.of_kind("Deployment")
            if item["metadata"]["labels"]["app.kubernetes.io/component"] == "inference"
        ]


def pod_templates(item):
    """The pod templates inside one object."""
    return [dig(item, path) for path in _TEMPLATES[item["kind"]]]


def dig(item, path):
    """The value at a path such as spec.template or list.0.name."""
    for key in path.split("."):
        item = item[int(key)] if key.isdecimal() else item[key]
    return item


def all_containers(pod):
    """A pod template's containers, the init containers first."""
    return pod["spec"].get("initContainers", []) + pod["spec"]["containers"]


def plain_name(item):
    """The name as committed: generated ConfigMaps lose their hash."""
    name = item["metadata"]["name"]
    is_hashed = item["kind"] == "ConfigMap" and not is_dashboard(item)
    return name.rpartition("-")[0] if is_hashed else name


def is_dashboard(item):
    """Whether an object is read by Grafana's sidecar instead of a pod of ours."""
    return "grafana_dashboard" in item["metadata"].get("labels", {})


def port_names(pod):
    """name -> number of every port a pod opens."""
    return {
        port["name"]: port["containerPort"]
        for container in pod["spec"]["containers"]
        for port in container.get("ports", [])
    }
