"""scripts/canary's way to a cluster: rendered ConfigMaps behind a stand-in kubectl."""

from __future__ import annotations

import json
import os
import sys

import pytest

import canary_places
from canary_config import CanaryFailed, hold, read_served, write_served, write_share
from canary_places import Cluster
from tests.manifests.rendered import Objects, overlay_components

# Answers from a folder of JSON files; a pod has a patched file one look later.
STAND_IN = """#!{python}
import json, sys
from pathlib import Path

folder = Path({folder!r})
words = sys.argv[1:]
with (folder / "calls").open("a") as calls:
    calls.write(json.dumps(words) + "\\n")
words = words[words.index("--namespace") + 2:]
if words[0] == "get" and words[1] == "pods":
    is_going = (folder / "going").exists()
    print("pod/one pod/two" + " pod/going" * is_going)
elif words[0] == "get":
    path = folder / f"{{words[1]}}-{{words[2]}}.json"
    if not path.exists():
        sys.exit(f"Error from server (NotFound): {{words[1]}} {{words[2]}} not found")
    print(path.read_text())
elif words[0] == "patch":
    path = folder / f"configmap-{{words[2]}}.json"
    config_map = json.loads(path.read_text())
    late = folder / f"late-{{words[2]}}"
    late.write_text(json.dumps(config_map["data"]))
    config_map["data"].update(json.loads(words[-1])["data"])
    path.write_text(json.dumps(config_map))
elif words[0] == "exec" and words[1] == "pod/going":
    (folder / "going").unlink()
    sys.exit("Error from server (NotFound): pods going not found")
elif words[0] == "exec" and (folder / "forbidden").exists():
    sys.exit("Error from server (Forbidden): pods/exec is forbidden")
elif words[0] == "exec":
    key = words[-1].rpartition("/")[2]
    for path in folder.glob("configmap-*.json"):
        data = json.loads(path.read_text())["data"]
        late = folder / path.stem.replace("configmap-", "late-")
        if key in data:
            shown = json.loads(late.read_text()) if late.exists() else data
            late.unlink(missing_ok=True)
            sys.stdout.write(shown[key])
"""


@pytest.fixture(name="install")
def stand_in(tmp_path, monkeypatch):
    """install(objects) puts a kubectl that knows these objects on the path.

    It returns a function that gives the calls so far, lists of words.
    """

    def install(objects):
        for kind in ("ConfigMap", "Deployment"):
            for item in objects.of_kind(kind):
                name = f"{kind.lower()}-{item['metadata']['name']}.json"
                (tmp_path / name).write_text(json.dumps(item), encoding="utf-8")
        tool = tmp_path / "kubectl"
        text = STAND_IN.format(python=sys.executable, folder=str(tmp_path))
        tool.write_text(text, encoding="utf-8")
        tool.chmod(0o755)
        monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
        calls = tmp_path / "calls"
        return lambda: [json.loads(line) for line in calls.read_text().splitlines()]

    return install


@pytest.mark.parametrize("overlay", ["kind", "embedded", "production"])
def test_both_files(install, overlay, capsys):
    """Both ConfigMaps are found by their Deployments, changed, and waited for."""
    calls = install(Objects(overlay))
    cluster = Cluster("image-classifier", "kind-image-classifier")

    before = read_served(cluster.read_models())
    held = hold(before, (1, 2), stable=1, canary=2)
    cluster.write_models(write_served(cluster.read_models(), held))
    shares = write_share(cluster.read_shares(), before.model, {"percent": 10})
    cluster.write_shares(shares)

    assert before.model == "classifier" and not before.labels
    assert read_served(cluster.read_models()) == held
    assert json.loads(cluster.read_shares()) == {"classifier": {"percent": 10}}
    asked = [" ".join(call) for call in calls()]
    always = "--context kind-image-classifier --namespace image-classifier "
    assert all(line.startswith(always) for line in asked)
    for name in ("gateway", "model-server"):
        touched = f"annotate pods --selector=app.kubernetes.io/name={name} "
        assert sum(touched in line for line in asked) == 1
    # Each pod is asked, and the first of them once more: it was late.
    reads = [line for line in asked if " exec " in line and "canary.json" in line]
    assert ["pod/one" in line for line in reads] == [True, False, True]
    shown = capsys.readouterr().out.splitlines()
    assert len([line for line in shown if line.startswith("+ kubectl")]) == len(asked)


def test_nothing_restarts(install):
    """No call touches a Deployment: nothing rolls, and nothing starts again."""
    calls = install(Objects("kind"))
    cluster = Cluster("image-classifier")

    cluster.write_shares(write_share(cluster.read_shares(), "classifier", {}))

    verbs = {tuple(call[2:4]) for call in calls()}
    assert verbs == {
        ("get", "deployment"),
        ("get", "configmap"),
        ("patch", "configmap"),
        ("annotate", "pods"),
        ("get", "pods"),
        ("exec", "pod/one"),
        ("exec", "pod/two"),
    }


def test_pod_that_goes(install, tmp_path):
    """A pod that ends while it is asked is not waited for: the others count."""
    calls = install(Objects("kind"))
    (tmp_path / "going").touch()
    cluster = Cluster("image-classifier")

    cluster.write_shares(write_share(cluster.read_shares(), "classifier", {}))

    asked = [" ".join(call) for call in calls()]
    assert sum("exec pod/going" in line for line in asked) == 1
    assert all(
        "--field-selector=status.phase=Running" in line
        for line in asked
        if " get pods " in line
    )


def test_pods_that_cannot_be_asked(install, tmp_path, monkeypatch):
    """Who may not look into pods is told so, in kubectl's words."""
    install(Objects("kind"))
    (tmp_path / "forbidden").touch()
    monkeypatch.setattr(canary_places, "SPREAD_SECONDS", 0)
    cluster = Cluster("image-classifier")

    with pytest.raises(
        CanaryFailed, match="expected pod/one .* pods/exec is forbidden"
    ):
        cluster.write_shares(write_share(cluster.read_shares(), "classifier", {}))


def test_not_there(install):
    """A namespace without the Deployment is one sentence, in kubectl's words."""
    objects = Objects("kind")
    install(objects)
    cluster = Cluster("elsewhere")
    folder = os.environ["PATH"].split(os.pathsep)[0]
    os.remove(f"{folder}/deployment-model-server.json")

    with pytest.raises(CanaryFailed, match="NotFound.*deployment model-server"):
        cluster.read_models()


def test_no_kubectl(monkeypatch, tmp_path):
    """Without kubectl the other way is named."""
    monkeypatch.setenv("PATH", str(tmp_path))

    with pytest.raises(CanaryFailed, match="or --models-config and --canary-file"):
        Cluster("image-classifier").read_models()


def test_beside_the_component(install):
    """With the component canary, whose share is that of pods, stable's is found."""
    components = frozenset(overlay_components("kind") | {"canary"})
    install(Objects("kind", components))

    served = read_served(Cluster("image-classifier").read_models())

    assert served.held == (1,)
