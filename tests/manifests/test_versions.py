"""One TensorFlow and one application version, wherever they stand."""

from __future__ import annotations

import json
import re

import yaml

from tests.manifests.rendered import OVERLAYS, ROOT


def locked(category, package):
    """The exact version that Pipfile.lock names."""
    lock = json.loads((ROOT / "Pipfile.lock").read_text(encoding="utf-8"))
    return lock[category][package]["version"].removeprefix("==")


def test_one_tensorflow():
    """What trains, what speaks the API and what serves is one version."""
    dockerfile = (ROOT / "serving" / "Dockerfile").read_text(encoding="utf-8")
    (image_tag,) = re.findall(r"^ARG SERVING_IMAGE=\S+:(\S+)$", dockerfile, re.M)

    versions = {
        locked("training", "tensorflow"),
        locked("training", "tensorflow-serving-api"),
        locked("serving", "tensorflow"),
        locked("serving", "tensorflow-serving-api"),
    }

    assert versions == {image_tag}


def test_one_application_version():
    """Every overlay runs the same version of every image of ours."""
    tags = {
        image["newTag"]
        for overlay in OVERLAYS
        for image in yaml.safe_load(
            (ROOT / f"kube-config/overlays/{overlay}/kustomization.yaml").read_text(
                encoding="utf-8"
            )
        )["images"]
    }

    assert len(tags) == 1


def test_one_pipenv():
    """Images install with the pipenv that scripts/setup uses."""
    setup = (ROOT / "scripts" / "setup").read_text(encoding="utf-8")
    (version,) = re.findall(r"^pipenv_version=(\S+)$", setup, re.M)

    for name in ("gateway/Dockerfile", "serving/embedded.Dockerfile"):
        dockerfile = (ROOT / name).read_text(encoding="utf-8")
        assert re.findall(r"pipenv==(\S+)", dockerfile) == [version]
