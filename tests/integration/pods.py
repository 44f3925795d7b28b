"""Two Deployments as processes: this file plays kubelet and endpoints, nothing else.

A model pod has an address of its own, and all have one port; their name is asked of a
name server. A gateway pod has a port of its own on 127.0.0.1. A pod is ready before it
gets a caller, and is forgotten preStop seconds before it gets SIGTERM.
"""

from __future__ import annotations

import signal
import subprocess
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial

import urllib3
from prometheus_client.parser import text_string_to_metric_families

from serving import grpc_port
from serving.__main__ import main
from serving.settings import ANY_FREE_PORT
from tests.integration.forked_server import ForkedProcess, fork_server
from tests.integration.gateway_process import running_gateway

REPLICAS = 2
START_SECONDS = 60
EXIT_SECONDS = 60
_FIRST_ADDRESS = 11
_UNTIL_READY = urllib3.Retry(START_SECONDS, backoff_factor=0.1, status_forcelist=[503])
_METRICS_PATH = "/monitoring/prometheus/metrics"


@dataclass(frozen=True)
class Pace:
    """How long connections to a model pod last, and pods that are forgotten answer."""

    connection_age_ms: int
    call_grace_ms: int
    model_pre_stop_seconds: float
    gateway_pre_stop_seconds: float

    def channel_arguments(self):
        """What the model servers are told of it."""
        return (
            f"grpc.max_connection_age_ms={self.connection_age_ms},"
            f"grpc.max_connection_age_grace_ms={self.call_grace_ms}"
        )


@dataclass(frozen=True)
class Pod:
    """One process and where it answers."""

    process: subprocess.Popen | ForkedProcess
    address: str
    port: int
    metrics_url: str
    status_url: str = ""


class Cluster:
    """REPLICAS model pods and REPLICAS gateway pods."""

    def __init__(self, stack, names, flags, pace):
        """
        Args:
            stack: Ends the processes when it is closed.
            names: The NameServer of the model pods.
            flags: Of every model server: what it serves as "tiny", and how.
        """
        self._stack, self._names, self._pace = stack, names, pace
        self._flags = (
            *flags,
            "--monitoring_config_file=serving/monitoring.config",
            f"--grpc_channel_arguments={pace.channel_arguments()}",
        )
        self._addresses = (f"127.0.0.{last}" for last in range(_FIRST_ADDRESS, 255))
        self._grpc_port = ANY_FREE_PORT
        self._pool = stack.enter_context(urllib3.PoolManager(retries=False, timeout=30))
        self.models, self.gateways = [], []

    def start(self):
        """All pods, until they are ready."""
        first = self.start_model(next(self._addresses))
        self._grpc_port = first.port
        with ThreadPoolExecutor(1) as starter:
            other = starter.submit(self.start_model, next(self._addresses))
            self.models = [first]
            self._show_models()
            self.gateways = [self._start_gateway() for _ in range(REPLICAS)]
            self.models.append(other.result())
        self._show_models()

    def list_ports(self):
        """What the gateway's Service leads to now."""
        return tuple(pod.port for pod in self.gateways)

    def start_model(self, address):
        """A model pod that is ready."""
        process, fields = self._stack.enter_context(
            fork_server(
                f"--port={self._grpc_port}",
                *self._flags,
                program=partial(serve_at, address),
                timeout_seconds=1800,
            )
        )
        rest_url = f"http://127.0.0.1:{fields['rest_port']}"
        return Pod(
            process,
            address,
            int(fields["grpc_port"]),
            rest_url + _METRICS_PATH,
            f"{rest_url}/v1/models/tiny",
        )

    def _start_gateway(self):
        target = self._names.target(self._grpc_port)
        gateway = self._stack.enter_context(
            running_gateway(model_address=target, models="tiny")
        )
        ready = self._pool.request("GET", f"{gateway.url}/readyz", retries=_UNTIL_READY)
        assert ready.status == 200, ready.data
        return Pod(gateway.process, "127.0.0.1", gateway.port, f"{gateway.url}/metrics")

    def roll_models(self):
        """Replace every model pod, one new one at a time, as maxSurge 1 does it."""
        leaving = []
        for old in tuple(self.models):
            self.models.append(self.start_model(next(self._addresses)))
            self._forget_model(old)
            leaving.append(end_later(old, self._pace.model_pre_stop_seconds))
        finish(leaving)

    def roll_gateways(self):
        """Replace every gateway pod, one new one at a time."""
        leaving = []
        for old in tuple(self.gateways):
            self.gateways.append(self._start_gateway())
            self.gateways.remove(old)
            leaving.append(end_later(old, self._pace.gateway_pre_stop_seconds))
        finish(leaving)

    def kill_model(self):
        """A model pod's process dies, and its pod is forgotten; gives the address."""
        victim = self.models[0]
        victim.process.kill()
        victim.process.wait(EXIT_SECONDS)
        self._forget_model(victim)
        return victim.address

    def restart_model(self, address):
        """The pod's next process: the same address, ready."""
        self.models.append(self.start_model(address))
        self._show_models()

    def freeze_model(self):
        """A model pod that hangs and is still shown; gives what thaws it."""
        victim = self.models[0].process
        victim.send_signal(signal.SIGSTOP)
        return lambda: victim.send_signal(signal.SIGCONT)

    def list_model_status_urls(self):
        """Where every model server tells the states of its versions."""
        return [pod.status_url for pod in self.models]

    def count_model_calls(self):
        """Address to Predict calls answered, as each model server counts them."""
        return {
            pod.address: self._read(
                pod, ":tensorflow:serving:request_count", status="OK"
            )
            for pod in self.models
        }

    def count_gateway_requests(self):
        """Port to predictions answered, as each gateway counts them."""
        return {
            pod.port: self._read(
                pod, "gateway_requests", route="/predict", status="200"
            )
            for pod in self.gateways
        }

    def _read(self, pod, name, **labels):
        text = self._pool.request("GET", pod.metrics_url).data.decode()
        return sum(
            sample.value
            for family in text_string_to_metric_families(text)
            for sample in family.samples
            if family.name == name and labels.items() <= sample.labels.items()
        )

    def _forget_model(self, pod):
        self.models.remove(pod)
        self._show_models()

    def _show_models(self):
        self._names.addresses = tuple(pod.address for pod in self.models)


def serve_at(address, arguments):
    """The server's main() on one loopback address, in a process of its own."""
    grpc_port.ALL_ADDRESSES = address
    return main(arguments)


def end_later(pod, pre_stop_seconds):
    """SIGTERM after preStop; gives the process, which ends then."""
    timer = threading.Timer(pre_stop_seconds, pod.process.terminate)
    timer.start()
    return pod.process


def finish(leaving):
    """Every process has answered all it began."""
    for process in leaving:
        assert process.wait(EXIT_SECONDS) == 0
