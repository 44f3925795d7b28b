"""Everything that names something else names something that exists."""

from __future__ import annotations

import re

from tests.manifests.rendered import port_names

HASHED = re.compile(r"-[0-9a-z]{10}$")


def test_deployment_selectors(objects):
    """A Deployment selects its own pods and nobody else's."""
    for deployment in objects.of_kind("Deployment"):
        selected = objects.selected(deployment["spec"]["selector"])

        assert selected == [deployment["spec"]["template"]]


def test_services(objects):
    """A Service leads to one workload, through ports those pods have by name."""
    for service in objects.of_kind("Service"):
        pods = objects.selected({"matchLabels": service["spec"]["selector"]})

        assert len(pods) == 1, service["metadata"]["name"]
        for port in service["spec"]["ports"]:
            assert port["targetPort"] in port_names(pods[0])


def test_gateway_is_reached_from_outside(objects):
    """The gateway's Service is a load balancer on port 80."""
    spec = objects.named("Service", "gateway")["spec"]

    assert spec["type"] == "LoadBalancer"
    assert [(port["port"], port["targetPort"]) for port in spec["ports"]] == [
        (80, "http")
    ]


def test_model_server_is_headless(objects):
    """DNS answers with ready pods only, on the numbers the containers open."""
    spec = objects.named("Service", "model-server")["spec"]
    (pod,) = objects.selected({"matchLabels": spec["selector"]})

    assert spec["clusterIP"] == "None"
    assert "publishNotReadyAddresses" not in spec
    for port in spec["ports"]:
        assert port["port"] == port_names(pod)[port["targetPort"]]


def test_config_maps_are_hashed(objects):
    """A ConfigMap's name holds a hash, so that a new setting rolls the pods."""
    for config_map in objects.of_kind("ConfigMap"):
        assert HASHED.search(config_map["metadata"]["name"])


def test_config_maps_are_used(objects):
    """Pods use exactly the ConfigMaps that exist."""
    used = set()
    for _, pod in objects.pods():
        for volume in pod["spec"]["volumes"]:
            used |= {volume["configMap"]["name"]} if "configMap" in volume else set()
        for container in pod["spec"]["containers"]:
            for source in container.get("envFrom", []):
                used.add(source["configMapRef"]["name"])

    assert used == {item["metadata"]["name"] for item in objects.of_kind("ConfigMap")}


def test_spread(objects):
    """Replicas are spread over nodes by their own label."""
    for deployment in objects.of_kind("Deployment"):
        pod = deployment["spec"]["template"]
        (spread,) = pod["spec"]["topologySpreadConstraints"]

        assert objects.selected(spread["labelSelector"]) == [pod]


def test_disruption_budgets(objects):
    """Each Deployment may lose one pod to a drained node, and has another left."""
    budgets = objects.of_kind("PodDisruptionBudget")
    covered = []
    for budget in budgets:
        (pod,) = objects.selected(budget["spec"]["selector"])
        covered.append(pod)

        assert budget["spec"]["maxUnavailable"] == 1

    for _, pod in objects.pods():
        assert pod in covered


def test_autoscalers(objects):
    """Each Deployment scales from two replicas by a CPU share of what it requests."""
    deployments = {
        item["metadata"]["name"]: item for item in objects.of_kind("Deployment")
    }
    scaled = []
    for scaler in objects.of_kind("HorizontalPodAutoscaler"):
        target = scaler["spec"]["scaleTargetRef"]
        deployment = deployments[target["name"]]
        (metric,) = scaler["spec"]["metrics"]
        scaled.append(target["name"])

        assert target["kind"] == "Deployment"
        assert target["apiVersion"] == deployment["apiVersion"]
        assert 2 <= scaler["spec"]["minReplicas"] < scaler["spec"]["maxReplicas"]
        assert metric["resource"]["name"] == "cpu"
        assert metric["resource"]["target"]["type"] == "Utilization"
        # A number in the Deployment would undo the autoscaler at every apply.
        assert "replicas" not in deployment["spec"]
    assert sorted(scaled) == sorted(deployments)
