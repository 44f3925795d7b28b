"""Who may talk to whom: nobody, but for the paths the system needs."""

from __future__ import annotations

from tests.manifests.rendered import port_names

DNS = {
    "to": [
        {
            "namespaceSelector": {
                "matchLabels": {"kubernetes.io/metadata.name": "kube-system"}
            },
            "podSelector": {"matchLabels": {"k8s-app": "kube-dns"}},
        }
    ],
    "ports": [{"port": 53, "protocol": "UDP"}, {"port": 53, "protocol": "TCP"}],
}
NAME = "app.kubernetes.io/name"


def policy(objects, name):
    """The spec of one NetworkPolicy."""
    return objects.named("NetworkPolicy", name)["spec"]


def policies_of(objects, pod):
    """The specs of all policies that select a pod template."""
    for item in objects.of_kind("NetworkPolicy"):
        if pod in objects.selected(item["spec"]["podSelector"]):
            yield item["spec"]


def test_everything_is_denied_first(objects):
    """One policy selects all pods and allows neither direction."""
    assert policy(objects, "deny-all") == {
        "podSelector": {},
        "policyTypes": ["Ingress", "Egress"],
    }


def test_policies_select_pods(full):
    """With all components, each policy and each peer of this namespace is somebody."""
    for item in full.of_kind("NetworkPolicy"):
        assert full.selected(item["spec"]["podSelector"]), item["metadata"]["name"]
        for rule in item["spec"].get("ingress", []) + item["spec"].get("egress", []):
            for peer in rule.get("from", []) + rule.get("to", []):
                if "namespaceSelector" not in peer:
                    assert full.selected(peer["podSelector"])


def test_ingress_ports_exist(objects):
    """A named port that may be called is open under that name in a selected pod."""
    for item in objects.of_kind("NetworkPolicy"):
        pods = objects.selected(item["spec"]["podSelector"])
        names = set().union(*map(port_names, pods))
        for rule in item["spec"].get("ingress", []):
            for port in rule["ports"]:
                if pods and isinstance(port["port"], str):
                    assert port["port"] in names


def test_every_direction_is_named(objects):
    """A policy with rules for a direction lists it: else the rules would do nothing."""
    for item in objects.of_kind("NetworkPolicy"):
        spec = item["spec"]
        for field, name in (("ingress", "Ingress"), ("egress", "Egress")):
            assert field not in spec or name in spec["policyTypes"]


def test_no_egress_is_open(objects):
    """Every outgoing rule names both its peers and its ports."""
    for item in objects.of_kind("NetworkPolicy"):
        for rule in item["spec"].get("egress", []):
            assert rule["to"] and rule["ports"]
            assert not any("ipBlock" in peer for peer in rule["to"])


def test_who_is_open_to_all(objects):
    """Only what people call is open to every caller, and on its http port only."""
    for item in objects.of_kind("NetworkPolicy"):
        for rule in item["spec"].get("ingress", []):
            if "from" not in rule:
                assert item["metadata"]["name"] in ("gateway", "streamlit")
                assert rule == {"ports": [{"port": "http"}]}


def test_anyone_reaches_the_gateway(objects):
    """The gateway's http port, and no other, is open to every caller."""
    spec = policy(objects, "gateway")

    assert spec["ingress"] == [{"ports": [{"port": "http"}]}]


def test_gateway_reaches_the_model_servers(objects):
    """The call is allowed on both sides, a canary's too, and on the gRPC port only."""
    outgoing = policy(objects, "gateway")["egress"][0]
    incoming = policy(objects, "model-server")["ingress"][0]
    servers = objects.selected(outgoing["to"][0]["podSelector"])
    (client,) = objects.selected(incoming["from"][0]["podSelector"])

    assert outgoing["ports"] == incoming["ports"] == [{"port": "grpc"}]
    assert servers == [item["spec"]["template"] for item in objects.model_servers()]
    assert servers == objects.selected(policy(objects, "model-server")["podSelector"])
    assert all(port_names(server)["grpc"] == 8500 for server in servers)
    assert client["metadata"]["labels"][NAME] == "gateway"


def test_prometheus_reaches_the_metrics(objects):
    """What the monitors scrape is open to Prometheus, wherever it runs."""
    for monitor in objects.any_of_kind("ServiceMonitor", "PodMonitor"):
        spec = monitor["spec"]
        endpoints = spec.get("endpoints", spec.get("podMetricsEndpoints"))
        pods = objects.selected(spec["selector"])
        assert pods, monitor["metadata"]["name"]
        for pod in pods:
            open_ports = {
                port["port"]
                for item in policies_of(objects, pod)
                for rule in item.get("ingress", [])
                if _lets_prometheus_in(rule)
                for port in rule["ports"]
            }
            assert {endpoint["port"] for endpoint in endpoints} <= open_ports


def _lets_prometheus_in(rule):
    prometheus = {
        "namespaceSelector": {},
        "podSelector": {"matchLabels": {NAME: "prometheus"}},
    }
    return "from" not in rule or prometheus in rule["from"]


def test_operator_reaches_the_dashboard(objects):
    """KubeRay hands the job over through the head's dashboard, from its namespace.

    Source: the labels of its Deployment, in the Helm chart and in config/manager: only
    the component is the same.
    """
    spec = policy(objects, "batch-scoring")
    operator = {"app.kubernetes.io/component": "kuberay-operator"}

    assert {
        "from": [{"namespaceSelector": {}, "podSelector": {"matchLabels": operator}}],
        "ports": [{"port": "dashboard"}],
    } in spec["ingress"]


def test_who_asks_dns(objects):
    """Names resolve for those who call by name, over UDP and, for long answers, TCP."""
    for name, pod in objects.pods():
        calls = [
            rule
            for item in policies_of(objects, pod)
            for rule in item.get("egress", [])
        ]
        assert (DNS in calls) == (
            name in ("gateway", "streamlit", "batch-scoring")
        ), name


def test_model_servers_call_nobody(objects):
    """Model servers and training have no way out, not even to DNS."""
    silent = [item["spec"]["template"] for item in objects.model_servers()]
    silent += [pod for name, pod in objects.pods() if name == "training"]
    for pod in silent:
        for item in policies_of(objects, pod):
            assert not item.get("egress")
