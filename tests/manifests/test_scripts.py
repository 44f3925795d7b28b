"""The cluster scripts, run beside stand-ins for docker, kind, kubectl and curl."""

from __future__ import annotations

import json
import os
import re
import shutil
import socket
import subprocess

import pytest

from tests.manifests.rendered import ROOT, Objects

# Writes down how it was called; "kubectl kustomize" is the real one's answer.
STAND_IN = """#!/bin/bash
echo "${{0##*/}} $*" >> {log}
[ "${{0##*/}} $1" != "kubectl kustomize" ] || exec {kubectl} "$@"
"""
CLUSTER_TOOLS = ("docker", "kind", "kubectl", "curl")
PLAIN_TOOLS = (
    "bash",
    "basename",
    "cat",
    "dirname",
    "git",
    "mktemp",
    "rm",
    "sed",
    "grep",
    "ls",
    "uname",
)


@pytest.fixture(name="checkout")
def copied_checkout(tmp_path):
    """A copy of what the scripts read, with a model that is ready to be served."""
    for name in ("kube-config", "scripts"):
        shutil.copytree(ROOT / name, tmp_path / name)
    (tmp_path / "serving").mkdir()
    for path in [*ROOT.glob("serving/*.config"), ROOT / "serving/kustomization.yaml"]:
        shutil.copy(path, tmp_path / "serving")
    (tmp_path / "scripts" / "setup").write_text("#!/bin/bash\n", encoding="utf-8")
    (tmp_path / "models" / "cells" / "1").mkdir(parents=True)
    return tmp_path


@pytest.fixture(name="run")
def script_runner(checkout):
    """run(script, *arguments, tools=(...)) -> (process, lines the stand-ins saw)."""
    log = checkout / "calls.log"
    folder = checkout / "tools"
    folder.mkdir()
    for name in PLAIN_TOOLS:
        (folder / name).symlink_to(shutil.which(name))

    def run(script, *arguments, tools=(), port=None):
        for name in tools:
            text = STAND_IN.format(log=log, kubectl=shutil.which("kubectl"))
            (folder / name).write_text(text, encoding="utf-8")
            (folder / name).chmod(0o755)
        done = subprocess.run(
            [str(checkout / "scripts" / script), *arguments],
            env={
                "PATH": str(folder),
                "TMPDIR": str(checkout),
                "LOCAL_PORT": str(port or free_port()),
            },
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        calls = log.read_text(encoding="utf-8") if log.exists() else ""
        return done, calls.splitlines()

    return run


def free_port():
    """A port nobody listened on just now."""
    with socket.socket() as probe:
        probe.bind(("localhost", 0))
        return probe.getsockname()[1]


def overlay_here():
    """The overlay kind-up takes on this machine."""
    return "embedded" if os.uname().machine in ("arm64", "aarch64") else "kind"


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
    assert re.search(r"image=@photo\.jpg http://localhost:\d+/predict", text)


def test_taken_port(run):
    """A port somebody else answers on is refused: the reply would not be ours."""
    with socket.create_server(("localhost", 0)) as listener:
        port = listener.getsockname()[1]
        done, calls = run("kind-up", tools=CLUSTER_TOOLS, port=port)

    assert done.returncode == 1
    assert not calls
    assert f"port {port} is taken" in done.stderr


def test_kind_up_shows_its_lines(run):
    """Every kubectl line is printed, so that it can be repeated by hand."""
    done, calls = run("kind-up", "cells", "photo.jpg", tools=CLUSTER_TOOLS)
    ran = [call for call in calls if call.startswith("kubectl ")]
    shown = [line.removesuffix(" &") for line in done.stderr.splitlines()]

    assert len(ran) >= 5
    for call in ran:
        assert f"+ {call}" in shown


def test_kind_down(run):
    """The cluster goes, and every image that any overlay made."""
    done, calls = run("kind-down", tools=("docker", "kind"))
    removed = {
        call.removeprefix("docker image rm ")
        for call in calls
        if call.startswith("docker image rm ")
    }
    built = {
        container["image"]
        for overlay in ("kind", "embedded")
        for container in Objects(overlay).containers()
    }

    assert done.returncode == 0, done.stderr
    assert "kind delete cluster --name image-classifier" in calls
    assert removed == built
