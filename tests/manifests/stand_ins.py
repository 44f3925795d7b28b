"""Stand-ins for docker, kind, kubectl and curl, and a copy of what the scripts read."""

from __future__ import annotations

import shutil
import socket
import subprocess

import pytest

from tests.manifests.rendered import ROOT

# Writes down how it was called; "kubectl kustomize" is the real one's answer. Files
# beside the log make it fail: down, lost (no context), stuck (no rollout), used (an
# image).
STAND_IN = """#!/bin/bash
echo "${{0##*/}} $*" >> {log}
case "${{0##*/}} $*" in
  "kubectl kustomize"*) exec {kubectl} "$@" ;;
  "kubectl config"*) [ ! -e {log}.lost ] ;;
  "docker info"*) if [ -e {log}.down ]; then cat {log}.down >&2; exit 1; fi
    if [ -e {log}.info ]; then cat {log}.info; fi ;;
  "docker build"*) echo "${{BUILDX_NO_DEFAULT_ATTESTATIONS:-}}" >> {log}.attestations ;;
  "docker image rm"*gateway*) [ ! -e {log}.used ] ;;
  *"rollout status"*) [ ! -e {log}.stuck ] ;;
  "kind create cluster"*) touch {log}.cluster ;;
  "kind delete cluster"*) rm -f {log}.cluster ;;
  "kind load"*) echo "${{KIND_EXPERIMENTAL_PROVIDER:-docker}}" >> {log}.providers ;;
  "kind get clusters") [ ! -e {log}.cluster ] || echo image-classifier ;;
  *"get deployments"*) [ ! -e {log}.applied ] || echo deployment.apps/gateway ;;
  *"apply -k"*) touch {log}.applied ;;
esac
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
    "sort",
    "touch",
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
    (tmp_path / "photo.jpg").write_bytes(b"")
    return tmp_path


@pytest.fixture(name="run")
def script_runner(checkout):
    """run(script, *arguments, tools=(...)) -> (process, lines the stand-ins saw).

    The lines of a second run come behind those of the first.
    """
    log = checkout / "calls.log"
    folder = checkout / "tools"
    folder.mkdir()
    for name in PLAIN_TOOLS:
        (folder / name).symlink_to(shutil.which(name))

    def run(script, *arguments, tools=(), port=None, variables=None):
        for name in tools:
            text = STAND_IN.format(log=log, kubectl=shutil.which("kubectl"))
            (folder / name).write_text(text, encoding="utf-8")
            (folder / name).chmod(0o755)
        done = subprocess.run(
            [str(checkout / "scripts" / script), *arguments],
            cwd=checkout,
            env={
                "PATH": str(folder),
                "TMPDIR": str(checkout),
                "LOCAL_PORT": str(port or free_port()),
                **(variables or {}),
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
