"""scripts/check-images: what podman is given, and what is refused."""

from __future__ import annotations

import shutil
import subprocess
import sys

import pytest
import yaml

from check_images import check_size
from check_workloads import CheckFailed, read_workloads
from tests.manifests.rendered import ROOT, Objects
from tests.manifests.test_versions import overlay_images

# It has the images of IMAGES, each of SIZE bytes; nothing else may be asked.
PODMAN = """#!/bin/bash
echo "$*" >> "$0.log"
case "$1 $2" in
  "images --format") echo $IMAGES ;;
  "image inspect") echo "$SIZE" ;;
  *) exit 1 ;;
esac
"""
BUILT = [
    f"{image['newName']}:{image['newTag']}"
    for image in map(overlay_images("embedded").get, ("model-server", "gateway"))
]
# Of the gateway and of the model server.
HOST_PORTS = {8080: 20080, 8500: 20500, 8501: 20501}


def workloads_of(overlay):
    """name -> workload, in the order in which they start."""
    text = yaml.safe_dump_all(Objects(overlay).all)
    return {workload.name: workload for workload in read_workloads(text)}


def for_podman(workload, addresses):
    """(the Deployment, the names of the ConfigMaps) that podman is given."""
    text = workload.to_podman(addresses, HOST_PORTS)
    objects = list(yaml.safe_load_all(text))
    *maps, deployment = objects
    return deployment, {item["metadata"]["name"] for item in maps}


@pytest.fixture(name="check")
def script_runner(tmp_path):
    """check(*arguments, size=..., ...) -> (process, what podman was asked)."""
    podman = tmp_path / "podman"
    podman.write_text(PODMAN, encoding="utf-8")
    podman.chmod(0o755)
    (tmp_path / "kubectl").symlink_to(shutil.which("kubectl"))

    def check(*arguments, size=1, images=(), without=None):
        if without:
            (tmp_path / without).unlink()
        done = subprocess.run(
            [sys.executable, str(ROOT / "scripts" / "check_images.py"), *arguments],
            env={
                "PATH": str(tmp_path),
                # Without it kubectl keeps its cache where it was started.
                "HOME": str(tmp_path),
                "SIZE": str(size),
                "IMAGES": " ".join(images),
            },
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        log = tmp_path / "podman.log"
        return done, log.read_text(encoding="utf-8") if log.exists() else ""

    return check


@pytest.fixture(name="photo")
def photo_path(tmp_path):
    """A file that is never looked into."""
    path = tmp_path / "photo.jpg"
    path.write_bytes(b"photo")
    return str(path)


@pytest.mark.parametrize("overlay", ["kind", "embedded"])
def test_pods_are_the_overlays(overlay):
    """Podman gets the rendered container, but for what it cannot do itself."""
    for name, workload in workloads_of(overlay).items():
        deployment, _ = for_podman(workload, {})
        rendered = Objects(overlay).named("Deployment", name)
        (given,) = deployment["spec"]["template"]["spec"]["containers"]
        (wanted,) = rendered["spec"]["template"]["spec"]["containers"]
        left_out = set(wanted) - set(given)

        assert left_out == {
            "startupProbe",
            "livenessProbe",
            "readinessProbe",
            "lifecycle",
        }
        for field in set(given) - {"volumeMounts", "ports"}:
            assert given[field] == wanted[field]
        paths = [mount["mountPath"] for mount in wanted["volumeMounts"]]
        assert [mount["mountPath"] for mount in given["volumeMounts"]] == paths


@pytest.mark.parametrize("overlay", ["kind", "embedded"])
def test_config_maps_come_along(overlay):
    """Settings and files are the rendered ones, each pod's own only."""
    workloads = workloads_of(overlay)
    plain = {
        name: {full.rpartition("-")[0] for full in for_podman(workload, {})[1]}
        for name, workload in workloads.items()
    }

    assert plain == {
        "gateway": {"gateway", "gateway-canary"},
        "model-server": {"model-server"},
    }


def test_names_become_hosts():
    """The gateway finds the model server's pod under its Service's name."""
    gateway = workloads_of("embedded")["gateway"]
    spec = for_podman(gateway, {"model-server": "10.1.2.3"})[0]["spec"]["template"]

    assert spec["spec"]["hostAliases"] == [
        {"ip": "10.1.2.3", "hostnames": ["model-server"]}
    ]


def test_ports_are_this_machines():
    """Each port is reached through one of the loopback address, by nobody else."""
    server = workloads_of("embedded")["model-server"]
    (container,) = for_podman(server, {})[0]["spec"]["template"]["spec"]["containers"]

    assert container["ports"] == [
        {
            "name": "grpc",
            "containerPort": 8500,
            "hostIP": "127.0.0.1",
            "hostPort": 20500,
        },
        {
            "name": "rest",
            "containerPort": 8501,
            "hostIP": "127.0.0.1",
            "hostPort": 20501,
        },
    ]


def test_volumes_are_not_shared():
    """Both pods call a volume "tmp"; to podman they are two."""
    names = []
    for workload in workloads_of("embedded").values():
        spec = for_podman(workload, {})[0]["spec"]["template"]["spec"]
        mounted = [mount["name"] for mount in spec["containers"][0]["volumeMounts"]]
        assert sorted(mounted) == sorted(volume["name"] for volume in spec["volumes"])
        names += mounted

    assert len(names) == len(set(names)) == 4


def test_order():
    """Whom the gateway calls is there before it."""
    assert list(workloads_of("kind")) == ["model-server", "gateway"]


def test_stand_in():
    """Our server takes the stock one's arguments, files and place."""
    stock = workloads_of("kind")["model-server"]

    ours = stock.with_our_server("localhost/ours:1.2.3")

    assert (stock.is_ours, ours.is_ours) == (False, True)
    assert ours.container["image"] == "localhost/ours:1.2.3"
    assert ours.container["command"] == ["python", "-m", "serving"]
    assert ours.container["args"] == stock.container["args"]
    assert ours.map_names() == stock.map_names()


def test_size(capsys):
    """The gateway stays below 250 MB; others only say what they weigh."""
    check_size("gateway", 249_999_999)
    check_size("model-server", 1_763_000_000)

    assert "model-server: image of 1,763 MB" in capsys.readouterr().out
    with pytest.raises(CheckFailed, match="less than 250 MB, received 250.0"):
        check_size("gateway", 250_000_000)


def test_too_large(check, photo):
    """A gateway that outgrew its limit fails before anything runs."""
    done, asked = check("embedded", photo, size=250_000_000, images=BUILT)

    assert done.returncode == 1
    assert "expected less than 250 MB" in done.stderr
    assert "play" not in asked


def test_missing_image(check, photo):
    """What was not built is named, with the script that builds it."""
    done, asked = check("embedded", photo, images=BUILT[1:])

    assert done.returncode == 1
    assert f"{BUILT[0]}; scripts/build-images" in done.stderr
    assert "play" not in asked


@pytest.mark.parametrize("name", ["podman", "kubectl"])
def test_missing_tool(check, photo, name):
    """Without its tools the script names the one that it lacks."""
    done, _ = check("embedded", photo, images=BUILT, without=name)

    assert done.returncode == 1
    assert f"{name} is missing" in done.stderr


def test_missing_photo(check, tmp_path):
    """Without a photo nothing is asked of podman."""
    done, asked = check("embedded", str(tmp_path / "none.jpg"))

    assert done.returncode == 1
    assert "expected a photo" in done.stderr
    assert not asked


def test_unknown_overlay(check, photo):
    """production pulls from a registry; only what is built here can be run."""
    done, _ = check("production", photo)

    assert done.returncode == 2
    assert "invalid choice: 'production'" in done.stderr
