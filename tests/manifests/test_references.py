"""Everything that names something else names something that exists."""

from __future__ import annotations

import re

import yaml

from tests.manifests.rendered import KUBE_CONFIG, is_dashboard, port_names

HASHED = re.compile(r"-[0-9a-z]{10}$")


def used_config_maps(pod):
    """(ConfigMap name, the keys asked for or None for all) of a pod template."""
    for volume in pod["spec"]["volumes"]:
        sources = volume.get("projected", {}).get("sources", [volume])
        for source in sources:
            if "configMap" in source:
                items = source["configMap"].get("items")
                keys = {item["key"] for item in items} if items else None
                yield source["configMap"]["name"], keys
    for container in pod["spec"]["containers"]:
        for source in container.get("envFrom", []):
            yield source["configMapRef"]["name"], None


def claims_of(pod):
    """volume name -> claim name of a pod template."""
    return {
        volume["name"]: volume["persistentVolumeClaim"]["claimName"]
        for volume in pod["spec"]["volumes"]
        if "persistentVolumeClaim" in volume
    }


def test_deployment_selectors(objects):
    """A Deployment selects its own pods and nobody else's."""
    for deployment in objects.of_kind("Deployment"):
        selected = objects.selected(deployment["spec"]["selector"])

        assert selected == [deployment["spec"]["template"]]


def test_services(objects):
    """A Service leads to pods of Deployments, through ports they all have by name."""
    for service in objects.of_kind("Service"):
        selected = objects.selected({"matchLabels": service["spec"]["selector"]})
        served = [item["spec"]["template"] for item in objects.of_kind("Deployment")]

        assert selected, service["metadata"]["name"]
        for pod in selected:
            assert pod in served
            for port in service["spec"]["ports"]:
                assert port["targetPort"] in port_names(pod)


def test_gateway_is_reached_from_outside(objects):
    """The gateway's Service is a load balancer on port 80."""
    spec = objects.named("Service", "gateway")["spec"]

    assert spec["type"] == "LoadBalancer"
    assert [(port["port"], port["targetPort"]) for port in spec["ports"]] == [
        (80, "http")
    ]


def test_model_server_is_headless(objects):
    """DNS answers with every ready model server, on the numbers their pods open."""
    spec = objects.named("Service", "model-server")["spec"]
    pods = objects.selected({"matchLabels": spec["selector"]})

    assert spec["clusterIP"] == "None"
    assert "publishNotReadyAddresses" not in spec
    assert pods == [item["spec"]["template"] for item in objects.model_servers()]
    for port in spec["ports"]:
        for pod in pods:
            assert port["port"] == port_names(pod)[port["targetPort"]]


def test_config_maps_are_hashed(objects):
    """A ConfigMap's name holds a hash, so that a new setting rolls the pods."""
    for config_map in objects.of_kind("ConfigMap"):
        is_hashed = bool(HASHED.search(config_map["metadata"]["name"]))

        assert is_hashed != is_dashboard(config_map)


def test_config_maps_are_used(objects):
    """Pods use exactly the ConfigMaps that exist, and keys that are in them."""
    exist = {
        item["metadata"]["name"]: set(item["data"])
        for item in objects.of_kind("ConfigMap")
        if not is_dashboard(item)
    }
    used = {}
    for _, pod in objects.pods():
        for name, keys in used_config_maps(pod):
            used.setdefault(name, set()).update(keys or exist[name])

    assert used == exist


def test_claims(objects):
    """Every claim that a pod names exists, and every claim is used."""
    exist = {item["metadata"]["name"] for item in _claims(objects)}
    used = {claim for _, pod in objects.pods() for claim in claims_of(pod).values()}

    assert used == exist


def test_claims_reach_their_pods(objects):
    """Pods of one claim may be on any node: ReadWriteMany, or there is one node."""
    cluster = yaml.safe_load((KUBE_CONFIG / "kind-cluster.yaml").read_text("utf-8"))
    is_one_node = objects.overlay != "production" and len(cluster["nodes"]) == 1

    for claim in _claims(objects):
        mode = "ReadWriteOnce" if is_one_node else "ReadWriteMany"
        assert claim["spec"]["accessModes"] == [mode]


def _claims(objects):
    return objects.any_of_kind("PersistentVolumeClaim")


def test_model_servers_write_no_models(objects):
    """What serves reads its models and cannot change them."""
    for deployment in objects.model_servers():
        pod = deployment["spec"]["template"]
        volumes = set(claims_of(pod))
        for container in pod["spec"]["containers"]:
            for mount in container["volumeMounts"]:
                if mount["name"] in volumes:
                    assert mount["readOnly"] is True


def test_spread(objects):
    """Replicas are spread over nodes by their own label."""
    for deployment in objects.of_kind("Deployment"):
        pod = deployment["spec"]["template"]
        (spread,) = pod["spec"]["topologySpreadConstraints"]

        assert spread["topologyKey"] == "kubernetes.io/hostname"
        assert objects.selected(spread["labelSelector"]) == [pod]


def test_disruption_budgets(objects):
    """Who has a second replica may lose one to a drained node; who has none may go.

    A budget over one replica would hold a drain for ever. Pods that never became ready
    protect nothing, and are evicted.
    """
    covered = []
    for budget in objects.of_kind("PodDisruptionBudget"):
        (pod,) = objects.selected(budget["spec"]["selector"])
        covered.append(pod)

        assert budget["spec"]["maxUnavailable"] == 1
        assert budget["spec"]["unhealthyPodEvictionPolicy"] == "AlwaysAllow"

    for deployment in objects.of_kind("Deployment"):
        is_single = deployment["spec"].get("replicas") == 1
        assert (deployment["spec"]["template"] in covered) != is_single


def test_autoscalers(objects):
    """Who is not single scales, from two replicas, by CPU against what it requests."""
    deployments = {
        item["metadata"]["name"]: item for item in objects.of_kind("Deployment")
    }
    scaled = set()
    for scaler in objects.of_kind("HorizontalPodAutoscaler"):
        target = scaler["spec"]["scaleTargetRef"]
        deployment = deployments[target["name"]]
        (metric,) = scaler["spec"]["metrics"]
        scaled.add(target["name"])

        assert target["kind"] == "Deployment"
        assert target["apiVersion"] == deployment["apiVersion"]
        assert 2 <= scaler["spec"]["minReplicas"] < scaler["spec"]["maxReplicas"]
        assert metric["resource"]["name"] == "cpu"
        assert metric["resource"]["target"]["type"] == "Utilization"
        for container in deployment["spec"]["template"]["spec"]["containers"]:
            assert "cpu" in container["resources"]["requests"]
        # A number in the Deployment would undo the autoscaler at every apply.
        assert "replicas" not in deployment["spec"]
    singles = {n for n, item in deployments.items() if "replicas" in item["spec"]}
    assert scaled == set(deployments) - singles
