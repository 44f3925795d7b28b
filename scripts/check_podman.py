"""Images and pods as podman has them: sizes, starts, stops, what a process may do."""

from __future__ import annotations

import json
import socket
import subprocess
import time
from collections.abc import Iterable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any

from check_workloads import LOOPBACK, PREFIX, CheckFailed, Workload

# Beyond the pod's own grace period: podman itself takes its time on a busy machine.
_SPARE_SECONDS = 120.0
# Of process 1, as the kernel has it. Source: proc(5), /proc/PID/status.
_CONFINED = {
    "Uid": ["10001"] * 4,
    "Gid": ["10001"] * 4,
    "CapEff": ["0" * 16],
    "CapBnd": ["0" * 16],
    "NoNewPrivs": ["1"],
}


@dataclass(frozen=True)
class Running:
    """A workload's container, and where it is reached.

    address is the pod's IPv4 address, for other pods; host_ports lead from here to the
    container's ports.
    """

    workload: Workload
    container: str
    address: str
    host_ports: Mapping[int, int]

    def authority(self, port: str | int) -> str:
        """host:port for one of the container's ports, by number or name."""
        return f"{LOOPBACK}:{self.host_ports[self.workload.port(port)]}"


def size_of(image: str) -> int:
    """Bytes of an image, unpacked.

    Raises:
        CheckFailed: It is not there.
    """
    there = _podman("images", "--format", "{{.Repository}}:{{.Tag}}").split()
    if image not in there:
        raise CheckFailed(f"expected the image {image}; scripts/build-images makes it")
    return int(_podman("image", "inspect", "--format", "{{.Size}}", image))


def play(workload: Workload, addresses: Mapping[str, str]) -> Running:
    """Start a workload's pod; addresses are those of the Services it calls."""
    ports = [port["containerPort"] for port in workload.container["ports"]]
    host_ports = dict(zip(ports, _free_ports(len(ports))))
    _podman("kube", "play", "-", text=workload.to_podman(addresses, host_ports))
    (id_,) = _pod_ids(workload)
    pod = _inspect("pod", "inspect", id_)
    name = f"{pod['Name']}-{workload.container['name']}"
    return Running(workload, name, _address_of(workload, pod), host_ports)


def _address_of(workload: Workload, pod: Mapping[str, Any]) -> str:
    networks = _inspect("inspect", pod["InfraContainerID"])["NetworkSettings"]
    found = (networks, *(networks.get("Networks") or {}).values())
    addresses = [network["IPAddress"] for network in found if network["IPAddress"]]
    if not addresses:
        raise CheckFailed(f"expected podman to give {workload.name} an address")
    return addresses[0]


def _free_ports(count: int) -> list[int]:
    """Ports that nobody listens on just now."""
    with ExitStack() as probes:
        sockets = [probes.enter_context(socket.socket()) for _ in range(count)]
        for probe in sockets:
            probe.bind((LOOPBACK, 0))
        return [probe.getsockname()[1] for probe in sockets]


def check_confined(running: Running) -> None:
    """The container has what the manifest grants it, and nothing more.

    Raises:
        CheckFailed: Process 1 may do more, or has written to the image's own files.
    """
    lines = _exec(running, "cat", "/proc/1/status").splitlines()
    status = {key: rest.split() for key, _, rest in (x.partition(":") for x in lines)}
    for key, wanted in _CONFINED.items():
        if status[key] != wanted:
            raise CheckFailed(
                f"{running.workload.name}: expected {key} {wanted}, "
                f"received {status[key]}"
            )
    mounts = [
        line.split() for line in _exec(running, "cat", "/proc/1/mounts").split("\n")
    ]
    (root,) = (mount for mount in mounts if mount[1:2] == ["/"])
    if "ro" not in root[3].split(","):
        raise CheckFailed(f"{running.workload.name}: expected a read-only root")
    check_unchanged(running)


def check_unchanged(running: Running) -> None:
    """Nothing differs from the image but the folders that something is mounted at.

    Raises:
        CheckFailed: Something does; the message names it.
    """
    mounts = running.workload.container["volumeMounts"]
    points = [PurePosixPath(mount["mountPath"]) for mount in mounts]
    # Podman's own: names, and the mark that this is a container.
    points += [PurePosixPath("/etc/hosts"), PurePosixPath("/run/.containerenv")]
    expected = {str(path) for point in points for path in (point, *point.parents)}
    lines = _podman("diff", running.container).splitlines()
    changed = {line.split(maxsplit=1)[1] for line in lines} - expected
    if changed:
        raise CheckFailed(
            f"{running.workload.name}: expected the image's files unchanged, "
            f"received changes of {sorted(changed)}"
        )


def run_pre_stop(running: Running) -> None:
    """What the kubelet does first; it fails when the image lacks the program."""
    _exec(running, *running.workload.pre_stop)


def stop(running: Running) -> tuple[float, int]:
    """Send SIGTERM; return the seconds until the end, and the exit code.

    Raises:
        CheckFailed: The grace period was over and podman had to kill it.
    """
    grace_seconds = running.workload.pod_spec["terminationGracePeriodSeconds"]
    begun = time.monotonic()
    _podman("stop", "--time", str(grace_seconds), running.container)
    seconds = time.monotonic() - begun
    state = _inspect("inspect", running.container)["State"]
    if seconds > grace_seconds:
        raise CheckFailed(
            f"{running.workload.name}: expected an end within {grace_seconds} s of "
            f"SIGTERM, received none"
        )
    return seconds, state["ExitCode"]


def remove(workloads: Iterable[Workload]) -> None:
    """Take away the pods of these workloads, and the volumes of their files."""
    for workload in workloads:
        for id_ in _pod_ids(workload):
            _podman("pod", "rm", "--force", id_)
        volumes = workload.pod_spec["volumes"]
        names = workload.map_names()
        names |= {f"{PREFIX}{workload.name}-{volume['name']}" for volume in volumes}
        there = set(_podman("volume", "ls", "--quiet").split())
        for name in names & there:
            _podman("volume", "rm", name)


def _pod_ids(workload: Workload) -> list[str]:
    # "-pod" is podman's own ending; some of its versions number it.
    name = f"name=^{PREFIX}{workload.name}-pod"
    return _podman("pod", "ps", "--quiet", "--filter", name).split()


def _exec(running: Running, *command: str) -> str:
    return _podman("exec", running.container, *command)


def _inspect(*arguments: str) -> dict[str, Any]:
    found = json.loads(_podman(*arguments))
    return found[0] if isinstance(found, list) else found


def _podman(*arguments: str, text: str | None = None) -> str:
    try:
        done = subprocess.run(
            ["podman", *arguments],
            input=text,
            capture_output=True,
            text=True,
            timeout=_SPARE_SECONDS,
            check=False,
        )
    except OSError as error:
        raise CheckFailed(
            f"podman is missing; see https://podman.io: {error}"
        ) from error
    except subprocess.TimeoutExpired as error:
        raise CheckFailed(
            f"podman {arguments[0]}: no end in {_SPARE_SECONDS:g} s"
        ) from error
    if done.returncode:
        said = "; ".join(done.stderr.split("\n")).strip("; ")
        raise CheckFailed(f"podman {' '.join(arguments[:2])}: {said}")
    return done.stdout
