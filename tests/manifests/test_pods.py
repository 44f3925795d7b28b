"""What every pod and container must have: probes, sizes, hardening, pinned images."""

from __future__ import annotations

import re

PINNED = re.compile(r"^[\w./-]+:\d+\.\d+\.\d+$|@sha256:[0-9a-f]{64}$")
MEMORY_UNITS = {"Mi": 2**20, "Gi": 2**30}


def bytes_of(quantity):
    """A Kubernetes memory quantity, in the units this project uses, as bytes."""
    number, unit = re.fullmatch(r"(\d+)(Mi|Gi)", quantity).groups()
    return int(number) * MEMORY_UNITS[unit]


def test_probes(objects):
    """Each container of a Deployment says when it started, is ready and is stuck."""
    for deployment in objects.of_kind("Deployment"):
        for container in deployment["spec"]["template"]["spec"]["containers"]:
            for probe in ("startupProbe", "readinessProbe", "livenessProbe"):
                assert set(container[probe]) & {"httpGet", "grpc"}, container["name"]


def test_probe_ports(objects):
    """A probe asks a port its own container opens."""
    for container in objects.containers():
        names = {port["name"] for port in container["ports"]}
        numbers = {port["containerPort"] for port in container["ports"]}
        for probe in ("startupProbe", "readinessProbe", "livenessProbe"):
            if "httpGet" in container[probe]:
                assert container[probe]["httpGet"]["port"] in names
            else:
                assert container[probe]["grpc"]["port"] in numbers


def test_resources(objects):
    """CPU and memory are requested, memory is limited, CPU is not."""
    for container in objects.containers():
        requests = container["resources"]["requests"]
        limits = container["resources"]["limits"]

        assert set(requests) == {"cpu", "memory"}
        assert set(limits) == {"memory"}
        assert 0 < bytes_of(requests["memory"]) <= bytes_of(limits["memory"])


def test_images_are_pinned(objects):
    """An image names a full version or a digest: never latest, never nothing."""
    for container in objects.containers():
        assert PINNED.search(container["image"]), container["image"]
        assert container["imagePullPolicy"] == "IfNotPresent"


def test_container_hardening(objects):
    """A container can gain no privilege and write nowhere but its volumes."""
    for container in objects.containers():
        assert container["securityContext"] == {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        }
        mounts = {mount["mountPath"] for mount in container["volumeMounts"]}
        assert "/tmp" in mounts


def test_pod_hardening(objects):
    """A pod runs as a numbered user, under seccomp, without a token."""
    for _, pod in objects.pods():
        assert pod["spec"]["securityContext"] == {
            "runAsNonRoot": True,
            "runAsUser": 10001,
            "runAsGroup": 10001,
            "seccompProfile": {"type": "RuntimeDefault"},
        }
        assert pod["spec"]["automountServiceAccountToken"] is False
        for name in ("hostNetwork", "hostPID", "hostIPC"):
            assert name not in pod["spec"]


def test_service_accounts(objects):
    """Each workload has an account of its own, and none gets a token."""
    accounts = {
        item["metadata"]["name"]: item for item in objects.of_kind("ServiceAccount")
    }
    used = [pod["spec"]["serviceAccountName"] for _, pod in objects.pods()]

    assert sorted(used) == sorted(accounts)
    for account in accounts.values():
        assert account["automountServiceAccountToken"] is False


def test_service_links_are_off(objects):
    """A Service's variables cannot become a setting: gateway would set GATEWAY_PORT."""
    for _, pod in objects.pods():
        assert pod["spec"]["enableServiceLinks"] is False


def test_volumes_are_mounted(objects):
    """Every volume is mounted and every mount has its volume."""
    for name, pod in objects.pods():
        mounts = {
            mount["name"]
            for container in pod["spec"]["containers"]
            for mount in container["volumeMounts"]
        }

        assert mounts == {volume["name"] for volume in pod["spec"]["volumes"]}, name


def test_rollout_keeps_capacity(objects):
    """A new pod is ready before an old one goes."""
    for deployment in objects.of_kind("Deployment"):
        rolling = deployment["spec"]["strategy"]["rollingUpdate"]

        assert rolling["maxUnavailable"] == 0
        assert rolling["maxSurge"] >= 1


def test_labels(objects):
    """Every pod says its name, component, part-of and version; only name selects."""
    prefix = "app.kubernetes.io/"
    for deployment in objects.of_kind("Deployment"):
        labels = deployment["spec"]["template"]["metadata"]["labels"]
        image = deployment["spec"]["template"]["spec"]["containers"][0]["image"]

        assert set(labels) == {
            prefix + key for key in ("name", "component", "part-of", "version")
        }
        assert set(deployment["spec"]["selector"]["matchLabels"]) == {prefix + "name"}
        assert labels[prefix + "version"] == image.rpartition(":")[2]
