"""The seconds of starting and stopping add up."""

from __future__ import annotations

from gateway.__main__ import GRACEFUL_SECONDS
from gateway.app import create_app
from gateway.settings import Settings
from serving.__main__ import DRAIN_SECONDS
from serving.flags import read_flags

# gRPC ends connections a tenth earlier or later than told.
# Source: gRPC proposal A9, server-side connection management.
AGE_JITTER = 1.1
# How long a name server may give away the address of a pod that is going.
# Source: NodeLocal DNSCache, and kubeadm's Corefile before
# https://github.com/kubernetes/kubernetes/pull/128359: 30 s for an answer.
NAME_SECONDS = 30
# gRPC asks for IPv6 addresses in every search domain of the pod, the node's own last,
# and waits for each answer; where the internet is away it gives up after this.
# Source: measured with grpcio 1.85 and a name server that leaves them unanswered.
SEARCH_SECONDS = 3.1
# CPU of the embedded server's start, TensorFlow's import and a model: 4-6 s and 1-2 s.
START_SECONDS = 8


def parts_of(deployment):
    """(pod spec, its one container) of a Deployment."""
    spec = deployment["spec"]["template"]["spec"]
    (container,) = spec["containers"]
    return spec, container


def pre_stop_seconds(container):
    """How long a pod that is stopping goes on answering before SIGTERM."""
    program, seconds = container["lifecycle"]["preStop"]["exec"]["command"]
    assert program == "sleep"
    return float(seconds)


def channel_arguments(container):
    """The model server's gRPC options, as numbers."""
    text = read_flags(container["args"]).settings.grpc_channel_arguments
    return {name: int(value) for name, value in (x.split("=") for x in text.split(","))}


def test_gateway_drains():
    """Uploads under way may take as long as one request may last."""
    settings = Settings()

    assert GRACEFUL_SECONDS > (
        settings.fetch_timeout_seconds + settings.model_timeout_seconds
    )


def test_gateway_stops_in_time(objects):
    """Endpoints forget the pod, its requests end, and only then time is up."""
    spec, container = parts_of(objects.named("Deployment", "gateway"))
    grace_seconds = spec["terminationGracePeriodSeconds"]

    assert pre_stop_seconds(container) >= 5
    assert pre_stop_seconds(container) + GRACEFUL_SECONDS < grace_seconds


def test_model_server_is_left_before_it_stops(objects):
    """No connection and no call outlives preStop: SIGTERM cuts what is under way.

    A gateway that was told the address at the last moment connects once more.
    """
    for deployment in objects.model_servers():
        _, container = parts_of(deployment)
        options = channel_arguments(container)
        age_seconds = options["grpc.max_connection_age_ms"] / 1000
        call_seconds = options["grpc.max_connection_age_grace_ms"] / 1000

        assert call_seconds > Settings().model_timeout_seconds
        assert pre_stop_seconds(container) > (
            NAME_SECONDS + SEARCH_SECONDS + AGE_JITTER * age_seconds + call_seconds
        )


def test_model_server_stops_in_time(objects):
    """After preStop a server that drains, as ours does, has the time to."""
    for deployment in objects.model_servers():
        spec, container = parts_of(deployment)
        grace_seconds = spec["terminationGracePeriodSeconds"]

        assert pre_stop_seconds(container) + DRAIN_SECONDS < grace_seconds


def test_slow_nodes_may_start(objects):
    """A thirtieth of a core is enough to start on; probes wait for a busy node."""
    for deployment in objects.model_servers():
        _, container = parts_of(deployment)
        probe = container["startupProbe"]

        assert probe["failureThreshold"] * probe["periodSeconds"] >= 30 * START_SECONDS
    for deployment in objects.of_kind("Deployment"):
        _, container = parts_of(deployment)

        assert container["startupProbe"]["timeoutSeconds"] >= 5


def test_load_retries_fit_the_startup(objects):
    """A model that cannot be loaded is reported before the startup probe gives up."""
    for deployment in objects.model_servers():
        _, container = parts_of(deployment)
        flags = read_flags(container["args"]).settings
        interval_seconds = flags.load_retry_interval_micros / 1e6
        retry_seconds = flags.max_num_load_retries * interval_seconds
        probe = container["startupProbe"]

        assert retry_seconds < probe["failureThreshold"] * probe["periodSeconds"] / 2


def test_gateway_answers_probes(objects):
    """Each probe's path is a route of the gateway."""
    _, container = parts_of(objects.named("Deployment", "gateway"))
    routes = {rule.rule for rule in create_app(Settings(), None).url_map.iter_rules()}

    for probe in ("startupProbe", "livenessProbe", "readinessProbe"):
        assert container[probe]["httpGet"]["path"] in routes


def test_busy_is_not_stuck(objects):
    """Liveness asks nothing of others, and restarts only after a minute of silence."""
    for deployment in objects.of_kind("Deployment"):
        _, container = parts_of(deployment)
        probe = container["livenessProbe"]

        assert probe.get("httpGet", {}).get("path") != "/readyz"
        assert probe["failureThreshold"] * probe["periodSeconds"] >= 60


def test_readiness_outlasts_the_model_call(objects):
    """A gateway that asks a silent model server says so before the kubelet hangs up."""
    _, container = parts_of(objects.named("Deployment", "gateway"))

    assert container["readinessProbe"]["timeoutSeconds"] > (
        Settings().model_timeout_seconds
    )
