"""kube-config/README.md names what there is, and its lines are those that work."""

from __future__ import annotations

import re

import pytest

from tests.manifests.rendered import (
    COMPONENTS,
    KUBE_CONFIG,
    NOT_A_CHOICE,
    OVERLAYS,
    ROOT,
    Objects,
    choices,
    overlay_components,
)
from tests.manifests.stand_ins import CLUSTER_TOOLS
from tests.manifests.test_versions import overlay_images

TEXT = (KUBE_CONFIG / "README.md").read_text(encoding="utf-8")


def test_components():
    """Its table has every component that may be chosen."""
    table = TEXT[
        TEXT.index("| component | brings") : TEXT.index("`scripts/build-images")
    ]

    assert set(re.findall(r"`([\w-]+)`", table)) >= COMPONENTS - NOT_A_CHOICE


def test_overlays():
    """Its table has every overlay."""
    assert set(re.findall(r"`overlays/([\w-]+)`", TEXT)) == set(OVERLAYS)


def test_tags():
    """The images built by hand are the ones that the overlay asks for."""
    version = overlay_images("kind")["gateway"]["newTag"]

    assert set(re.findall(r"localhost/[\w-]+:([\w.]*\w)", TEXT)) == {version}


@pytest.mark.parametrize(
    "path", sorted(set(re.findall(r"\b(?:kube-config|scripts)/[\w./-]*\w", TEXT)))
)
def test_paths(path):
    """Every path that it names is there."""
    assert (ROOT / path).exists()


def test_kubectl_lines():
    """By hand one waits for the same things, as long, as scripts/kind-up does."""
    script = (ROOT / "scripts" / "kind-up").read_text(encoding="utf-8")
    waits = re.findall(r"rollout status \S+ --timeout \S+", script)

    assert len(waits) == 2
    for line in waits:
        assert f"kubectl -n image-classifier {line}" in TEXT


def test_by_hand(run, checkout):
    """The lines of the manual way, run as they stand, do what scripts/kind-up does."""
    section = TEXT.split("## Kind, step by step")[1].split("\n## ")[0]
    blocks = re.findall(r"^ *```bash\n(.*?)^ *```$", section, re.M | re.S)
    lines = "".join(blocks)
    walk = checkout / "scripts" / "walk"
    walk.write_text(f"#!/bin/bash\nset -euo pipefail\n{lines}", encoding="utf-8")
    walk.chmod(0o755)
    (checkout / ".venv/bin").mkdir(parents=True)
    (checkout / ".venv/bin/activate").touch()

    done, calls = run("walk", tools=(*CLUSTER_TOOLS, "python"))

    assert done.returncode == 0, done.stderr
    (loaded,) = (call.split() for call in calls if call.startswith("kind load"))
    wanted = {container["image"] for container in Objects("kind").containers()}
    built = [call.split() for call in calls if call.startswith("docker build ")]
    assert {call[call.index("-t") + 1] for call in built} == wanted
    assert wanted == {word for word in loaded if word.startswith("localhost/")}
    for call in built:
        assert (ROOT / call[call.index("-f") + 1]).is_file()
    told = (checkout / "calls.log.attestations").read_text(encoding="utf-8")
    assert told.split() == ["1"] * len(built)
    words = [call.replace(" -n image-classifier", "").split() for call in calls]
    assert list(dict.fromkeys(" ".join(call[:2]) for call in words)) == [
        "python -m",
        "docker build",
        "kind create",
        "kind load",
        "kubectl apply",
        "kubectl rollout",
        "kubectl get",
        "kubectl port-forward",
        "curl -F",
    ]


def test_named_objects():
    """Each Deployment, Service, CronJob and container in a command line exists."""
    objects = Objects("kind", frozenset(overlay_components("kind") | choices("kind")))
    names = {
        f"{item['kind'].lower()}/{item['metadata']['name']}" for item in objects.all
    }
    containers = {container["name"] for container in objects.containers()}

    asked = re.findall(r"\b(?:deployment|service|cronjob)/[\w-]+", TEXT)
    assert len(asked) > 4
    assert set(asked) <= names
    assert set(re.findall(r" -c ([\w-]+)", TEXT)) <= containers
