"""scripts/kind-up, run beside stand-ins for docker, kind, kubectl and curl."""

from __future__ import annotations

import os
import re

import pytest

from tests.manifests.rendered import Objects
from tests.manifests.stand_ins import CLUSTER_TOOLS


def overlay_here():
    """The overlay kind-up takes on this machine."""
    return "embedded" if os.uname().machine in ("arm64", "aarch64") else "kind"


def test_kind_up(run):
    """A cluster is made, both images loaded, the overlay applied, a photo sent."""
    done, calls = run("kind-up", "cells", "photo.jpg", tools=CLUSTER_TOOLS)
    text = "\n".join(calls)

    assert done.returncode == 0, done.stderr
    assert "kind create cluster --config kube-config/kind-cluster.yaml" in text
    for container in Objects(overlay_here()).containers():
        assert container["image"] in text
    assert text.count("kind load image-archive") == 2
    assert f"apply -k kube-config/overlays/{overlay_here()}" in text
    assert re.search(r"image=@\S+/photo\.jpg http://localhost:\d+/predict", text)


def test_kind_up_shows_its_lines(run):
    """Every kubectl line is printed, so that it can be repeated by hand."""
    done, calls = run("kind-up", "cells", "photo.jpg", tools=CLUSTER_TOOLS)
    ran = [call for call in calls if call.startswith("kubectl ")]
    shown = [line.removesuffix(" &") for line in done.stderr.splitlines()]

    assert len(ran) >= 5
    for call in ran:
        assert f"+ {call}" in shown


def test_kind_up_again(run):
    """A second run keeps the cluster and restarts what runs: the image may be new."""
    run("kind-up", "cells", "photo.jpg", tools=CLUSTER_TOOLS)

    done, calls = run("kind-up", "cells", "photo.jpg", tools=CLUSTER_TOOLS)
    restart = "kubectl --context kind-image-classifier --namespace image-classifier "
    restart += "rollout restart deployment"

    assert done.returncode == 0, done.stderr
    assert len([call for call in calls if call.startswith("kind create")]) == 1
    assert calls.count(restart) == 1
    assert calls.index(restart) > len(calls) / 2


# The engine is asked whether it runs, and how large its machine is.
CHECK = ["docker info", "docker info --format"]
STEPS = {
    "check": [],
    "train": [],
    "build": ["kubectl kustomize", "docker build", "docker build"],
    "create": ["kind get clusters", "kind create cluster"],
    "load": [
        "kubectl kustomize",
        *2 * ["docker save localhost/", "kind load image-archive"],
    ],
    "apply": ["kubectl get deployments", "kubectl apply -k"],
    "wait": ["kubectl rollout status", "kubectl rollout status"],
    "classify": ["curl --silent", "kubectl port-forward service/gateway"],
}


def short(call):
    """A call without kubectl's context and namespace."""
    return re.sub(r" --(context|namespace) \S+", "", call)


@pytest.mark.parametrize("step", STEPS)
def test_one_step(run, step):
    """Each step can be run alone: it does its part and nothing of the others'."""
    arguments = ("--step", step, "cells", "photo.jpg")
    done, calls = run("kind-up", *arguments, tools=CLUSTER_TOOLS)

    assert done.returncode == 0, done.stderr
    expected = CHECK + STEPS[step]
    # The port-forward goes on beside curl: which of the two began first is chance.
    if step == "classify":
        calls, expected = sorted(calls), sorted(expected)
    assert len(calls) == len(expected)
    for call, start in zip(calls, expected):
        assert short(call).startswith(start)


def test_steps_are_the_whole(run):
    """All steps one by one call what the script calls when run at once."""
    for step in STEPS:
        arguments = ("--step", step, "cells", "photo.jpg")
        done, single = run("kind-up", *arguments, tools=CLUSTER_TOOLS)
        assert done.returncode == 0, done.stderr
    run("kind-down", tools=("docker", "kind"))

    _, calls = run("kind-up", "cells", "photo.jpg", tools=CLUSTER_TOOLS)

    whole = [call for call in calls[len(single) :] if "kind delete" not in call]
    assert {without_paths(call) for call in single} <= {
        without_paths(call) for call in whole
    }


def without_paths(call):
    """A call without the names of temporary files and chosen ports."""
    return re.sub(r"/\S*/tmp\.\w+|localhost:\d+|\d+:80", "...", call)


def test_only_its_own_cluster(run):
    """Every line that asks or changes a cluster names Kind's, whatever is current."""
    run("kind-up", "cells", "photo.jpg", tools=CLUSTER_TOOLS)
    _, calls = run("kind-up", "cells", "photo.jpg", tools=CLUSTER_TOOLS)
    offline = (
        "kubectl kustomize ",
        "kubectl config get-contexts kind-image-classifier",
    )
    asked = [
        call
        for call in calls
        if call.startswith("kubectl ") and not call.startswith(offline)
    ]

    assert len(asked) >= 10
    for call in asked:
        assert call.startswith("kubectl --context kind-image-classifier ")


def test_chosen_overlay(run):
    """OVERLAY takes our own server on any machine."""
    arguments = ("kind-up", "cells", "photo.jpg")
    _, calls = run(*arguments, tools=CLUSTER_TOOLS, variables={"OVERLAY": "embedded"})
    text = "\n".join(calls)

    assert "apply -k kube-config/overlays/embedded" in text
    assert "localhost/embedded-server:" in text
    assert "localhost/model-server:" not in text


def test_model_folder(run, checkout):
    """A model's folder is taken as that model, from any folder one calls from."""
    done, calls = run("kind-up", "models/cells", "photo.jpg", tools=CLUSTER_TOOLS)

    assert done.returncode == 0, done.stderr
    assert "--build-arg MODEL=cells" in "\n".join(calls)
    assert f"image=@{checkout}/photo.jpg" in "\n".join(calls)


@pytest.mark.parametrize("data", ["photos/cells/.", "photos/../photos/cells/"])
def test_photos_by_another_path(run, checkout, data):
    """A folder of photos names its model, however its path is written."""
    (checkout / "photos" / "cells").mkdir(parents=True)

    done, calls = run("kind-up", data, "photo.jpg", tools=CLUSTER_TOOLS)

    assert done.returncode == 0, done.stderr
    assert "--build-arg MODEL=cells" in "\n".join(calls)


def test_added_component(run, checkout):
    """A component in the overlay's list has its image built and loaded as well."""
    path = checkout / "kube-config/overlays" / overlay_here() / "kustomization.yaml"
    text = path.read_text(encoding="utf-8")
    added = "  - ../../components/training-job\nlabels:\n"
    path.write_text(text.replace("labels:\n", added, 1), encoding="utf-8")

    done, calls = run("kind-up", "cells", "photo.jpg", tools=CLUSTER_TOOLS)
    text = "\n".join(calls)

    assert done.returncode == 0, done.stderr
    assert "--file training/Dockerfile --tag localhost/training:" in text
    assert text.count("kind load image-archive") == 3
