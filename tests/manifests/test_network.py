"""Who may talk to whom: nobody, but for the paths the system needs."""

from __future__ import annotations

from tests.manifests.rendered import port_names


def policy(objects, name):
    """The spec of one NetworkPolicy."""
    return objects.named("NetworkPolicy", name)["spec"]


def test_everything_is_denied_first(objects):
    """One policy selects all pods and allows neither direction."""
    assert policy(objects, "deny-all") == {
        "podSelector": {},
        "policyTypes": ["Ingress", "Egress"],
    }


def test_policies_select_pods(objects):
    """Every policy and every peer in this namespace matches a pod that exists."""
    for item in objects.of_kind("NetworkPolicy"):
        assert objects.selected(item["spec"]["podSelector"])
        for rule in item["spec"].get("ingress", []) + item["spec"].get("egress", []):
            for peer in rule.get("from", []) + rule.get("to", []):
                if "namespaceSelector" not in peer:
                    assert objects.selected(peer["podSelector"])


def test_ingress_ports_exist(objects):
    """What may come in arrives at a port the selected pods open by that name."""
    for item in objects.of_kind("NetworkPolicy"):
        for rule in item["spec"].get("ingress", []):
            for pod in objects.selected(item["spec"]["podSelector"]):
                assert {port["port"] for port in rule["ports"]} <= set(port_names(pod))


def test_no_egress_is_open(objects):
    """Every outgoing rule names both its peers and its ports."""
    for item in objects.of_kind("NetworkPolicy"):
        for rule in item["spec"].get("egress", []):
            assert rule["to"] and rule["ports"]
            assert not any("ipBlock" in peer for peer in rule["to"])


def test_anyone_reaches_the_gateway(objects):
    """The gateway's http port, and no other, is open to every caller."""
    spec = policy(objects, "gateway")

    assert spec["ingress"] == [{"ports": [{"port": "http"}]}]


def test_gateway_reaches_the_model_server(objects):
    """The call is allowed on both sides, and on the gRPC port only."""
    outgoing = policy(objects, "gateway")["egress"][0]
    (incoming,) = policy(objects, "model-server")["ingress"]
    (server,) = objects.selected(outgoing["to"][0]["podSelector"])
    (client,) = objects.selected(incoming["from"][0]["podSelector"])

    assert outgoing["ports"] == incoming["ports"] == [{"port": "grpc"}]
    assert port_names(server)["grpc"] == 8500
    assert client["metadata"]["labels"]["app.kubernetes.io/name"] == "gateway"


def test_gateway_reaches_dns(objects):
    """Names resolve over UDP and, for long answers, TCP; at the cluster's DNS only."""
    rule = policy(objects, "gateway")["egress"][1]

    assert rule == {
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


def test_model_server_calls_nobody(objects):
    """No policy gives the model server a way out, not even to DNS."""
    (server,) = objects.selected(policy(objects, "model-server")["podSelector"])
    for item in objects.of_kind("NetworkPolicy"):
        if server in objects.selected(item["spec"]["podSelector"]):
            assert not item["spec"].get("egress")
