"""What scripts/kind-up says when it cannot go on: before any work, and what to do."""

from __future__ import annotations

import socket

import pytest

from tests.manifests.stand_ins import CLUSTER_TOOLS
from tests.manifests.test_kind_up import CHECK, overlay_here, short


@pytest.mark.parametrize(
    "words",
    [("--help",), ("-h",), ("--stp", "apply"), ("cells", "--step"), ("a b c".split())],
)
def test_words_that_are_none(run, words):
    """Help is given; any other option, or a word too many, is refused before work."""
    done, calls = run("kind-up", *words, tools=CLUSTER_TOOLS)
    is_help = words[0] in ("--help", "-h")

    assert done.returncode == (0 if is_help else 1)
    assert not calls
    said = done.stdout if is_help else done.stderr
    assert "scripts/kind-up [--step STEP] [DATA or MODEL [PHOTO]]" in said
    assert is_help or f"received '{' '.join(words)}'" in said


def test_engine_that_does_not_run(run, checkout):
    """Docker that is there and not started is said so before anything is trained."""
    words = "ERROR: permission denied at the socket"
    (checkout / "calls.log.down").write_text(f"{words}\nerrors", encoding="utf-8")

    done, calls = run("kind-up", "new-photos", tools=CLUSTER_TOOLS)

    assert done.returncode == 1
    assert calls == ["docker info"]
    told, advice = done.stderr.splitlines()
    assert told == f"kind-up: docker says: {words}"
    assert "docker does not answer; start it" in advice


def test_the_engine_that_runs(run, checkout):
    """Where docker is not started and podman runs, podman does it, and kind is told."""
    (checkout / "calls.log.down").touch()
    tools = (*CLUSTER_TOOLS, "podman")

    done, calls = run("kind-up", "--step", "load", "cells", tools=tools)

    assert done.returncode == 0, done.stderr
    assert len([call for call in calls if call.startswith("podman save ")]) == 2
    assert not [call for call in calls if call.startswith("docker save ")]
    providers = (checkout / "calls.log.providers").read_text(encoding="utf-8")
    assert providers.split() == ["podman", "podman"]


@pytest.mark.parametrize(
    "size, told",
    [
        ("2 2000000000", ["bytes of memory, docker has 2000000000"]),
        ("1 8000000000", ["expected 2 cores, docker has 1"]),
        ("2 8000000000", []),
        ("no such field", []),
    ],
)
def test_small_machine(run, checkout, size, told):
    """A machine too small for all pods is no error, and no surprise either."""
    (checkout / "calls.log.info").write_text(f"{size}\n", encoding="utf-8")

    done, _ = run("kind-up", "--step", "check", "cells", tools=CLUSTER_TOOLS)

    assert done.returncode == 0, done.stderr
    warnings = [line for line in done.stderr.splitlines() if "Pending" in line]
    assert len(warnings) == len(told)
    assert all(words in line for words, line in zip(told, warnings))


@pytest.mark.parametrize("port", ["http", "0", "65536", "80 80"])
def test_port_that_is_none(run, port):
    """A port that is no number, or too large a one, is refused before all work."""
    variables = {"LOCAL_PORT": port}
    done, calls = run("kind-up", "cells", tools=CLUSTER_TOOLS, variables=variables)

    assert done.returncode == 1
    assert not calls
    sentence = f"expected a number up to 65535 as LOCAL_PORT, received '{port}'"
    assert sentence in done.stderr


@pytest.mark.parametrize("step", ["build", "load"])
def test_overlay_that_does_not_render(run, checkout, step):
    """A misspelt component ends the script where it is read, not with no images."""
    path = checkout / "kube-config/overlays" / overlay_here() / "kustomization.yaml"
    text = path.read_text(encoding="utf-8")
    path.write_text(text.replace("network-policy", "network-polices"), encoding="utf-8")

    done, calls = run("kind-up", "--step", step, "cells", tools=CLUSTER_TOOLS)

    assert done.returncode != 0
    assert "network-polices" in done.stderr
    assert short(calls[-1]).startswith("kubectl kustomize")


def test_archives_are_written_by_the_shell(run, checkout):
    """No image is saved by name of a file: podman adds to none that is there."""
    _, calls = run("kind-up", "--step", "load", "cells", tools=CLUSTER_TOOLS)
    saves = [call for call in calls if call.startswith("docker save ")]

    assert len(saves) == 2
    assert all(len(save.split()) == 3 for save in saves)
    assert not list(checkout.glob("tmp.*"))


def test_lost_context(run, checkout):
    """A cluster that kubectl does not know, or no longer, is made known to it."""
    run("kind-up", "--step", "create", "cells", tools=CLUSTER_TOOLS)
    (checkout / "calls.log.lost").touch()

    done, calls = run("kind-up", "--step", "create", "cells", tools=CLUSTER_TOOLS)

    assert done.returncode == 0, done.stderr
    assert calls[-1] == "kind export kubeconfig --name image-classifier"
    assert len([call for call in calls if call.startswith("kind create")]) == 1


def test_pods_that_do_not_come_up(run, checkout):
    """A rollout that does not end is followed by what the pods are waiting for."""
    (checkout / "calls.log.stuck").touch()

    done, calls = run("kind-up", "--step", "wait", "cells", tools=CLUSTER_TOOLS)

    assert done.returncode == 1
    assert [short(call) for call in calls[len(CHECK) :]] == [
        "kubectl rollout status deployment/model-server --timeout 300s",
        "kubectl get pods",
        "kubectl get events --field-selector type=Warning "
        "--sort-by .metadata.creationTimestamp",
        "kubectl logs deployment/model-server --all-containers --tail 20",
    ]
    assert "model-server is not ready" in done.stderr


@pytest.mark.parametrize(
    "arguments, variables, told",
    [
        (
            ("--step", "deploy"),
            {},
            (
                "check train build create load apply wait classify",
                "received 'deploy'",
            ),
        ),
        (
            ("cells",),
            {"OVERLAY": "production"},
            ("expected OVERLAY kind or embedded, received 'production'",),
        ),
        (("cells", "no.jpg"), {}, ("found no file",)),
    ],
    ids=["step", "overlay", "photo"],
)
def test_refused_at_once(run, arguments, variables, told):
    """Steps, overlays and photos that are none are refused before any work."""
    done, calls = run("kind-up", *arguments, tools=CLUSTER_TOOLS, variables=variables)

    assert done.returncode == 1
    assert not calls
    assert all(sentence in done.stderr for sentence in told)


def test_taken_port(run):
    """A port somebody else answers on is refused: the reply would not be ours."""
    with socket.create_server(("localhost", 0)) as listener:
        port = listener.getsockname()[1]
        done, calls = run("kind-up", tools=CLUSTER_TOOLS, port=port)

    assert done.returncode == 1
    assert not calls
    assert f"port {port} is taken" in done.stderr
