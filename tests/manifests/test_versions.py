"""One TensorFlow and one application version, wherever they stand."""

from __future__ import annotations

import json
import re

import pytest
import yaml

from tests.manifests.rendered import KUBE_CONFIG, OVERLAYS, ROOT
from tests.manifests.test_dockerfiles import list_dockerfiles

# With its registry: podman and CRI-O may know no short names.
STOCK = "docker.io/tensorflow/serving"


def locked(category, package):
    """The exact version that Pipfile.lock names."""
    lock = json.loads((ROOT / "Pipfile.lock").read_text(encoding="utf-8"))
    return lock[category][package]["version"].removeprefix("==")


def test_one_tensorflow():
    """What trains, what speaks the API and what serves is one version."""
    dockerfile = (ROOT / "serving" / "Dockerfile").read_text(encoding="utf-8")
    (image_tag,) = re.findall(r"^ARG SERVING_IMAGE=\S+:(\S+)$", dockerfile, re.M)

    images = overlay_images("production")
    versions = {
        image_tag,
        images["model-server"]["newTag"],
        locked("training", "tensorflow"),
        locked("training", "tensorflow-serving-api"),
        locked("serving", "tensorflow"),
        locked("serving", "tensorflow-serving-api"),
    }

    assert images["model-server"]["newName"] == STOCK
    assert len(versions) == 1


def overlay_images(overlay):
    """name in the base -> the image that an overlay puts there."""
    path = ROOT / f"kube-config/overlays/{overlay}/kustomization.yaml"
    images = yaml.safe_load(path.read_text(encoding="utf-8"))["images"]
    return {image["name"]: image for image in images}


def test_one_application_version():
    """Every overlay runs the same version of every image of ours."""
    tags = {
        image["newTag"]
        for overlay in OVERLAYS
        for image in overlay_images(overlay).values()
        if image["newName"] != STOCK
    }

    assert len(tags) == 1


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_every_component_has_its_image(overlay):
    """A component added to an overlay finds its image named there already."""
    assert set(overlay_images(overlay)) == {
        "gateway",
        "model-server",
        "training",
        "batch-scoring",
        "streamlit",
    }


def test_one_ray():
    """The cluster that KubeRay makes is of the Ray in the image."""
    job = KUBE_CONFIG / "components" / "batch-scoring" / "ray-job.yaml"
    spec = yaml.safe_load(job.read_text(encoding="utf-8"))["spec"]

    assert spec["rayClusterSpec"]["rayVersion"] == locked("ray", "ray")


def test_one_pipenv():
    """Images install with the pipenv that scripts/setup uses."""
    setup = (ROOT / "scripts" / "setup").read_text(encoding="utf-8")
    (version,) = re.findall(r"^pipenv_version=(\S+)$", setup, re.M)

    for path in list_dockerfiles():
        dockerfile = path.read_text(encoding="utf-8")
        assert set(re.findall(r"pipenv==(\S+)", dockerfile)) <= {version}
