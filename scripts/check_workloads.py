"""The Deployments of a rendered overlay, and what podman is given of each.

Podman knows no Services and would ask probes with programs that the images have not:
names become lines of /etc/hosts, and the probes are asked from outside, through ports
of this machine's loopback address.
"""

from __future__ import annotations

import copy
import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import yaml

# Our pods are called so, and nobody else's.
PREFIX = "check-images-"
LOOPBACK = "127.0.0.1"
# Whom the others call comes first.
_ORDER = {"inference": 0, "http-api": 1}
_LAST = 2
_COMPONENT = "app.kubernetes.io/component"
_NOT_FOR_PODMAN = ("startupProbe", "livenessProbe", "readinessProbe", "lifecycle")


class CheckFailed(Exception):
    """An image does not do what its pod needs; the message says which and what."""


@dataclass(frozen=True)
class Workload:
    """One Deployment and the ConfigMaps of its overlay."""

    deployment: Mapping[str, Any]
    config_maps: tuple[Mapping[str, Any], ...]

    @property
    def name(self) -> str:
        """The Deployment's name, which is also its Service's."""
        return self.deployment["metadata"]["name"]

    @property
    def pod_spec(self) -> Mapping[str, Any]:
        """What every pod of it is."""
        return self.deployment["spec"]["template"]["spec"]

    @property
    def container(self) -> Mapping[str, Any]:
        """The one container that lasts."""
        (container,) = self.pod_spec["containers"]
        return container

    @property
    def component(self) -> str:
        """What it is for: inference, http-api, front-end."""
        return self.deployment["metadata"]["labels"][_COMPONENT]

    @property
    def pre_stop(self) -> list[str]:
        """What the kubelet runs in the container before it sends SIGTERM."""
        return self.container["lifecycle"]["preStop"]["exec"]["command"]

    @property
    def is_ours(self) -> bool:
        """Whether its program drains; TensorFlow Serving ends at once."""
        return self.container.get("command", ["python"])[0] == "python"

    def port(self, name: str | int) -> int:
        """The number of a port that may be given by name."""
        numbers = {
            port["name"]: port["containerPort"] for port in self.container["ports"]
        }
        return numbers[name] if isinstance(name, str) else name

    def with_our_server(self, image: str) -> Workload:
        """The same pod with our model server in place of TensorFlow Serving."""
        deployment = copy.deepcopy(dict(self.deployment))
        (container,) = deployment["spec"]["template"]["spec"]["containers"]
        container.update(image=image, command=["python", "-m", "serving"])
        return dataclasses.replace(self, deployment=deployment)

    def to_podman(
        self, addresses: Mapping[str, str], host_ports: Mapping[int, int]
    ) -> str:
        """YAML for podman kube play: the Deployment and the ConfigMaps it names.

        Args:
            addresses: Service name to the IPv4 address of its pod.
            host_ports: The container's port to the one that leads to it from here.
        """
        deployment = copy.deepcopy(dict(self.deployment))
        deployment["metadata"]["name"] = PREFIX + self.name
        deployment["spec"]["replicas"] = 1
        spec = deployment["spec"]["template"]["spec"]
        spec["hostAliases"] = [
            {"ip": address, "hostnames": [name]} for name, address in addresses.items()
        ]
        (container,) = spec["containers"]
        for field in _NOT_FOR_PODMAN:
            container.pop(field, None)
        for port in container["ports"]:
            port["hostIP"] = LOOPBACK
            port["hostPort"] = host_ports[port["containerPort"]]
        # One podman volume per name: two pods' "tmp" would be the same folder.
        for named in (*spec["volumes"], *container["volumeMounts"]):
            named["name"] = f"{PREFIX}{self.name}-{named['name']}"
        maps = [map_ for map_ in self.config_maps if _name(map_) in self.map_names()]
        return yaml.safe_dump_all([*maps, deployment])

    def map_names(self) -> set[str]:
        """The ConfigMaps that its variables and its files come from."""
        variables = self.container.get("envFrom", [])
        volumes = self.pod_spec["volumes"]
        sources = [source["configMapRef"] for source in variables]
        sources += [found["configMap"] for found in volumes if "configMap" in found]
        return {source["name"] for source in sources}


def read_workloads(text: str) -> tuple[Workload, ...]:
    """The Deployments of rendered YAML; those that others call come first."""
    objects = list(yaml.safe_load_all(text))
    maps = tuple(found for found in objects if found["kind"] == "ConfigMap")
    workloads = [
        Workload(found, maps) for found in objects if found["kind"] == "Deployment"
    ]
    return tuple(sorted(workloads, key=lambda one: _ORDER.get(one.component, _LAST)))


def _name(config_map: Mapping[str, Any]) -> str:
    return config_map["metadata"]["name"]
