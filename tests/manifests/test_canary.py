"""A canary by pods serves another version; one by labels reaches running pods."""

from __future__ import annotations

import json
from pathlib import PurePosixPath

from tests.manifests.test_settings import (
    container_of,
    flags_of,
    gateway_settings,
    served_models,
)


def test_serves_another_version(objects):
    """Beside a canary each server is held to one version, and they differ."""
    versions = {}
    for deployment in objects.model_servers():
        (model,) = served_models(objects, deployment)
        policy = model.model_version_policy.specific.versions
        versions[deployment["metadata"]["name"]] = tuple(policy)

    if "model-server-canary" in versions:
        assert all(len(numbers) == 1 for numbers in versions.values())
        assert len(set(versions.values())) == len(versions) == 2
    else:
        assert set(versions.values()) == {()}


def test_differs_in_nothing_else(objects):
    """A canary is judged by its version: image, arguments and sizes are the others'."""
    stable, *canaries = (container_of(item) for item in objects.model_servers())

    for canary in canaries:
        assert canary == stable


def test_files_are_followed(objects):
    """What scripts/canary writes reaches running pods: whole folders, and who looks.

    A file that is mounted by subPath stays as it was when the pod began. Stock
    TensorFlow Serving logs three lines a look: every 2 s buried all others.
    """
    gateway = objects.named("Deployment", "gateway")
    (mount,) = mounts_of(gateway, "canary")
    file = PurePosixPath(gateway_settings(objects).canary_file)

    assert str(file.parent) == mount["mountPath"] and "subPath" not in mount
    data = objects.named("ConfigMap", "gateway-canary")["data"]
    assert json.loads(data[file.name]) == {}
    for deployment in objects.model_servers():
        period = flags_of(deployment)["model_config_file_poll_wait_seconds"]
        assert 10 <= int(period) <= 30
        (mount,) = mounts_of(deployment, "files")
        assert "subPath" not in mount


def test_labels_outlive_a_restart(objects):
    """A pod that starts takes labels whose versions it has not loaded yet.

    scripts/canary leaves them in models.config; TensorFlow Serving reads them first,
    and without the flag every new pod would end there.
    """
    for deployment in objects.model_servers():
        flag = flags_of(deployment)["allow_version_labels_for_unavailable_models"]

        assert flag == "true"


def mounts_of(deployment, volume):
    """Where a Deployment's container has a volume."""
    mounts = container_of(deployment)["volumeMounts"]
    return [mount for mount in mounts if mount["name"] == volume]
