"""Overlays rendered once each, and questions about the objects inside."""

from __future__ import annotations

import functools
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
OVERLAYS = sorted(
    path.parent.name for path in ROOT.glob("kube-config/overlays/*/kustomization.yaml")
)
WORKLOADS = ("Deployment", "StatefulSet", "DaemonSet", "Job")


@functools.cache
def render(folder):
    """All objects of one kustomization, as `kubectl apply -k` would send them."""
    if shutil.which("kubectl") is None:
        pytest.skip("kubectl is missing")
    done = subprocess.run(
        ["kubectl", "kustomize", str(folder)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return tuple(yaml.safe_load_all(done.stdout))


class Objects:
    """The rendered objects of one overlay."""

    def __init__(self, overlay):
        self.all = render(ROOT / "kube-config" / "overlays" / overlay)

    def of_kind(self, *kinds):
        """Objects of these kinds; a test that loops over none would prove nothing."""
        found = [item for item in self.all if item["kind"] in kinds]
        assert found, f"no {' or '.join(kinds)} is rendered"
        return found

    def named(self, kind, name):
        """The one object of that kind and name; ConfigMaps without their hash."""
        found = [item for item in self.of_kind(kind) if plain_name(item) == name]
        assert len(found) == 1, f"{len(found)} objects {kind}/{name}"
        return found[0]

    def pods(self):
        """(workload name, pod template) of every workload."""
        return [
            (item["metadata"]["name"], item["spec"]["template"])
            for item in self.of_kind(*WORKLOADS)
        ]

    def containers(self):
        """Every container of every workload, init containers too."""
        return [
            container
            for _, pod in self.pods()
            for field in ("initContainers", "containers")
            for container in pod["spec"].get(field, [])
        ]

    def selected(self, selector):
        """Pod templates that a label selector meets."""
        wanted = selector.get("matchLabels", {}).items()
        return [
            pod for _, pod in self.pods() if wanted <= pod["metadata"]["labels"].items()
        ]


def plain_name(item):
    """The name as committed: generated ConfigMaps lose their hash."""
    name = item["metadata"]["name"]
    return name.rpartition("-")[0] if item["kind"] == "ConfigMap" else name


def port_names(pod):
    """name -> number of every port a pod opens."""
    return {
        port["name"]: port["containerPort"]
        for container in pod["spec"]["containers"]
        for port in container.get("ports", [])
    }
