"""The image and cluster scripts, run beside stand-ins for docker, kind and kubectl."""

from __future__ import annotations

import json
import re

import pytest

from tests.manifests.rendered import ROOT, Objects
from tests.manifests.test_versions import overlay_images


@pytest.mark.parametrize(
    "script, names",
    [
        ("build-images", ["docker", "podman"]),
        ("kind-up", ["docker", "podman", "kind", "kubectl", "curl"]),
        ("kind-down", ["docker", "podman", "kind"]),
    ],
)
def test_missing_tools(run, script, names):
    """Without its tools a script names each of them, does nothing and ends with 1."""
    done, calls = run(script)

    assert done.returncode == 1
    assert not calls
    for name in names:
        assert name in done.stderr


def test_one_missing_tool(run):
    """Only the tool that is missing is asked for."""
    done, calls = run("kind-up", tools=("docker", "kubectl", "curl"))

    assert done.returncode == 1
    assert not calls
    assert done.stderr.splitlines() == [
        "kind-up: kind is missing; see https://kind.sigs.k8s.io/docs/user/quick-start"
    ]


def test_missing_model(run):
    """Images are not built around a model that is not there."""
    done, calls = run("build-images", "no-such-model", tools=("docker",))

    assert done.returncode == 1
    assert not calls
    assert "python -m training --data no-such-model" in done.stderr


@pytest.mark.parametrize("overlay", ["kind", "embedded"])
def test_built_images_are_the_overlays(run, overlay):
    """The images that are built carry the very names the pods will ask for."""
    done, calls = run("build-images", "cells", overlay, tools=("docker",))
    wanted = {container["image"] for container in Objects(overlay).containers()}
    words = [call.split() for call in calls]

    assert done.returncode == 0, done.stderr
    assert {call[call.index("--tag") + 1] for call in words} == wanted
    assert "MODEL=cells" in words[-1]


@pytest.mark.parametrize("overlay", ["kind", "embedded"])
def test_pods_start_their_images_program(run, overlay):
    """A command in a pod is the entry point of the very image it runs."""
    _, calls = run("build-images", "cells", overlay, tools=("docker",))
    words = [call.split() for call in calls]
    recipes = {
        call[call.index("--tag") + 1]: ROOT / call[call.index("--file") + 1]
        for call in words
    }

    for container in Objects(overlay).containers():
        text = recipes[container["image"]].read_text(encoding="utf-8")
        (entry,) = re.findall("^ENTRYPOINT (.+)$", text, re.MULTILINE)
        assert container.get("command", json.loads(entry)) == json.loads(entry)


def test_unknown_image(run):
    """An image nobody has a recipe for is refused before the first is built."""
    done, calls = run("build-images", "cells", "kind", "nginx", tools=("docker",))

    assert done.returncode == 1
    assert not calls
    assert "received 'nginx'" in done.stderr


def test_images_are_plain(run, checkout):
    """Docker is told to add no attestations: "kind load" trips over such an image."""
    run("build-images", "cells", "kind", "training", tools=("docker",))

    told = (checkout / "calls.log.attestations").read_text(encoding="utf-8")
    assert told.split() == ["1", "1", "1"]


def test_option_of_build_images(run):
    """An option is no model, and is refused as what it is."""
    done, calls = run("build-images", "--help", tools=("docker",))

    assert done.returncode == 1
    assert not calls
    assert "expected a model, an overlay and more images, received '--help'" in (
        done.stderr
    )


@pytest.mark.parametrize("word, code", [("--help", 0), ("cells", 1), ("--dry-run", 1)])
def test_kind_down_takes_no_words(run, word, code):
    """Whoever asks what it does, or means something else, loses no cluster."""
    done, calls = run("kind-down", word, tools=("docker", "kind"))

    assert done.returncode == code
    assert not calls


def test_image_in_use(run, checkout):
    """An image that a container still uses stays, is named, and the others go."""
    (checkout / "calls.log.used").touch()

    done, calls = run("kind-down", tools=("docker", "kind"))

    assert done.returncode == 0, done.stderr
    assert re.search(r"localhost/gateway:\S+ stays, a container uses it", done.stderr)
    assert len([call for call in calls if call.startswith("docker image rm")]) == 6


def test_kind_down_without_engine(run, checkout):
    """With docker not started nothing is removed, and that is said."""
    (checkout / "calls.log.down").touch()

    done, calls = run("kind-down", tools=("docker", "kind"))

    assert done.returncode == 1
    assert calls == ["docker info"]
    assert "docker does not answer" in done.stderr


def test_kind_down_with_podman(run, checkout):
    """What podman made while docker was not started, podman removes."""
    (checkout / "calls.log.down").touch()

    done, calls = run("kind-down", tools=("docker", "podman", "kind"))

    assert done.returncode == 0, done.stderr
    assert len([call for call in calls if call.startswith("podman image rm")]) == 6
    assert not [call for call in calls if call.startswith("docker image")]


def test_kind_down(run):
    """The cluster goes, and every image that any overlay or component made."""
    done, calls = run("kind-down", tools=("docker", "kind"))
    removed = {
        call.removeprefix("docker image rm ")
        for call in calls
        if call.startswith("docker image rm ")
    }
    built = {
        f"{image['newName']}:{image['newTag']}"
        for overlay in ("kind", "embedded")
        for image in overlay_images(overlay).values()
    }

    assert done.returncode == 0, done.stderr
    assert "kind delete cluster --name image-classifier" in calls
    assert removed == built
