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

    assert set(re.findall(r"localhost/[\w-]+:(\S+)", TEXT)) == {version}


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
