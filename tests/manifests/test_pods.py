"""What every pod and container must have: probes, sizes, hardening, pinned images."""

from __future__ import annotations

import re

from tests.manifests.rendered import WORKLOADS, all_containers, pod_templates

PINNED = re.compile(r"^[\w./-]+:\d+\.\d+\.\d+$|@sha256:[0-9a-f]{64}$")
MEMORY_UNITS = {"Mi": 2**20, "Gi": 2**30}
PROBES = ("startupProbe", "readinessProbe", "livenessProbe")
# Source: the volume types of the Pod Security Standard "restricted" that we need.
VOLUME_TYPES = {"configMap", "emptyDir", "persistentVolumeClaim", "projected"}
FIRST_UNPRIVILEGED_PORT = 1024


def bytes_of(quantity):
    """A Kubernetes memory quantity, in the units this project uses, as bytes."""
    number, unit = re.fullmatch(r"(\d+)(Mi|Gi)", quantity).groups()
    return int(number) * MEMORY_UNITS[unit]


def lasting_containers(objects):
    """The containers that go on until they are stopped: no Job's, no init container."""
    for item in objects.of_kind("Deployment"):
        yield from item["spec"]["template"]["spec"]["containers"]
    for name, pod in objects.pods():
        if name == "batch-scoring":
            yield from pod["spec"]["containers"]


def test_probes(objects):
    """Each lasting container says when it started, is ready and is stuck.

    Without programs in the image: neither wget nor curl nor grpc_health_probe is there.
    """
    for container in lasting_containers(objects):
        for probe in PROBES:
            kinds = set(container[probe]) & {"httpGet", "grpc", "tcpSocket", "exec"}
            assert len(kinds) == 1 and kinds != {"exec"}, container["name"]


def test_probe_ports(objects):
    """A probe asks a port its own container opens."""
    for container in lasting_containers(objects):
        names = {port["name"] for port in container["ports"]}
        numbers = {port["containerPort"] for port in container["ports"]}
        for probe in PROBES:
            if "httpGet" in container[probe]:
                assert container[probe]["httpGet"]["port"] in names
            else:
                (kind,) = set(container[probe]) & {"grpc", "tcpSocket"}
                assert container[probe][kind]["port"] in numbers


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


def test_images_are_taken_from_the_node(objects):
    """What kind loaded is used, and a pinned image is pulled once."""
    for container in objects.containers():
        assert container["imagePullPolicy"] == "IfNotPresent"


def test_local_images(objects):
    """On a local cluster no image can come from a registry by mistake."""
    for container in objects.containers():
        is_local = container["image"].startswith("localhost/")

        assert is_local == (objects.overlay != "production"), container["image"]


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
    """A pod runs as a numbered user, under seccomp, without a token.

    A claim's volume belongs to root until fsGroup says whose it is.
    """
    for name, pod in objects.pods():
        claims = [v for v in pod["spec"]["volumes"] if "persistentVolumeClaim" in v]
        group = {"fsGroup": 10001, "fsGroupChangePolicy": "OnRootMismatch"}

        assert pod["spec"]["securityContext"] == {
            "runAsNonRoot": True,
            "runAsUser": 10001,
            "runAsGroup": 10001,
            "seccompProfile": {"type": "RuntimeDefault"},
            **(group if claims else {}),
        }, name
        assert pod["spec"]["automountServiceAccountToken"] is False


def test_nothing_of_the_host(objects):
    """No pod shares the node's network, processes, ports or files."""
    for name, pod in objects.pods():
        for field in ("hostNetwork", "hostPID", "hostIPC"):
            assert field not in pod["spec"]
        for volume in pod["spec"]["volumes"]:
            assert set(volume) - {"name"} <= VOLUME_TYPES, name
        for container in all_containers(pod):
            for port in container.get("ports", []):
                assert "hostPort" not in port
                assert port["containerPort"] >= FIRST_UNPRIVILEGED_PORT


def test_scratch_is_bounded(objects):
    """What a pod writes beside its claims cannot fill the node's disk or memory."""
    for name, pod in objects.pods():
        for volume in pod["spec"]["volumes"]:
            if "emptyDir" in volume:
                assert bytes_of(volume["emptyDir"]["sizeLimit"]) > 0, name


def test_node_autoscalers(objects):
    """A node goes when servers can move: their scratch holds none. A run holds its own.

    Source: the FAQ of Kubernetes' cluster-autoscaler; other emptyDirs keep a node.
    """
    prefix = "cluster-autoscaler.kubernetes.io/safe-to-evict"
    for item in objects.of_kind(*WORKLOADS):
        for pod in pod_templates(item):
            scratch = [v["name"] for v in pod["spec"]["volumes"] if "emptyDir" in v]
            lasting = {f"{prefix}-local-volumes": ",".join(scratch)}
            is_run = item["kind"] in ("CronJob", "RayJob")

            annotations = pod["metadata"]["annotations"]
            assert annotations == ({prefix: "false"} if is_run else lasting)


def test_training_survives_a_drain(full):
    """A training pod that had to leave its node is no failed run."""
    for cron in full.of_kind("CronJob"):
        spec = cron["spec"]["jobTemplate"]["spec"]
        (rule,) = spec["podFailurePolicy"]["rules"]

        assert rule["action"] == "Ignore"
        assert [c["type"] for c in rule["onPodConditions"]] == ["DisruptionTarget"]
        # The API server takes such a policy with this alone.
        assert spec["template"]["spec"]["restartPolicy"] == "Never"


def test_service_accounts(objects):
    """Each workload has an account of its own, and none gets a token."""
    accounts = {
        item["metadata"]["name"]: item for item in objects.of_kind("ServiceAccount")
    }
    used = {name: pod["spec"]["serviceAccountName"] for name, pod in objects.pods()}

    assert sorted(used.values()) == sorted(accounts)
    assert all(name == account for name, account in used.items())
    for account in accounts.values():
        assert account["automountServiceAccountToken"] is False


def test_no_rights(objects):
    """Nobody here asks the API server for anything, so no role is bound."""
    kinds = {item["kind"] for item in objects.all}

    assert not [kind for kind in kinds if "Role" in kind]


def test_service_links_are_off(objects):
    """A Service's variables cannot become a setting: gateway would set GATEWAY_PORT."""
    for _, pod in objects.pods():
        assert pod["spec"]["enableServiceLinks"] is False


def test_volumes_are_mounted(objects):
    """Every volume is mounted and every mount has its volume."""
    for name, pod in objects.pods():
        mounts = {
            mount["name"]
            for container in all_containers(pod)
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
        # A change of any other label would be refused: selectors are immutable.
        assert set(deployment["spec"]["selector"]["matchLabels"]) == {prefix + "name"}
        if not image.startswith("docker.io/tensorflow/serving:"):
            assert labels[prefix + "version"] == image.rpartition(":")[2]
