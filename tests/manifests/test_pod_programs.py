"""The programs that pods, scripts and kubectl call are left in the slimmed images."""

from __future__ import annotations

import re
from fnmatch import fnmatch
from pathlib import PurePosixPath

import pytest

from tests.manifests.rendered import ROOT, Objects, all_containers, choices
from tests.manifests.rendered import overlay_components as listed
from tests.manifests.test_dockerfiles import list_dockerfiles

PROGRAMS = ("cat", "cp", "ls", "mv", "rm", "sh", "sleep", "tar")
# kubectl cp unpacks with it, as kube-config/README.md does into two pods.
CALLED_BY_KUBECTL = {"tar"}
SHELL_WORDS = re.compile(r"(?:^|\|\||then|do|until|if)\s*(ls|cp|mv|rm|sleep)\b", re.M)


def called_programs():
    """The names of all programs of the system that something calls in a container."""
    objects = Objects("kind", frozenset(listed("kind") | choices("kind")))
    names = set(CALLED_BY_KUBECTL)
    for _, pod in objects.pods():
        for container in all_containers(pod):
            hook = container.get("lifecycle", {}).get("preStop", {}).get("exec", {})
            names.update(hook.get("command", [])[:1])
            if container.get("command", [None])[0] == "sh":
                names |= {"sh", *SHELL_WORDS.findall(container["command"][-1])}
    canary = (ROOT / "scripts" / "canary_places.py").read_text(encoding="utf-8")
    return names | set(re.findall(r'"exec", .*"--", "(\w+)"', canary))


def removed_patterns():
    """What the Dockerfiles remove, as shell patterns."""
    for path in list_dockerfiles():
        text = path.read_text(encoding="utf-8").replace("\\\n", " ")
        for command in re.findall(r"\brm -rf? ([^&\n]*)", text):
            yield from (word for word in command.split() if word.startswith("/"))


def is_removed(program):
    """Whether some Dockerfile removes a program of /usr/bin, or a folder above it."""
    path = PurePosixPath("/usr/bin") / program
    places = [str(path), *map(str, path.parents)]
    return any(fnmatch(place, word) for word in removed_patterns() for place in places)


def test_what_is_called():
    """The list above is what the manifests and scripts/canary call."""
    assert called_programs() == set(PROGRAMS)


@pytest.mark.parametrize("program", PROGRAMS)
def test_is_there(program):
    """No image is slimmed by what a pod needs to start, stop or be looked into."""
    assert not is_removed(program)


def test_removal_is_seen():
    """What the Dockerfiles do remove is found, so that the test above can fail."""
    assert is_removed("perl5.36")
