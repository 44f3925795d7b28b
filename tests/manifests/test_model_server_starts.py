"""The pods' own arguments and files start a model server that the gateway can use."""

from __future__ import annotations

import urllib.request
from contextlib import suppress

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc

from canary_config import hold, read_served, write_served
from gateway.deadline import Deadline
from gateway.errors import UnknownVersion
from gateway.model_client import ModelClient
from gateway.targets import Target
from serving.monitoring_config import DEFAULT_PATH
from tests.integration.forked_server import fork_server
from tests.manifests.rendered import Objects, choices, overlay_components
from tests.manifests.test_settings import (
    FILES_FOLDER,
    container_of,
    gateway_settings,
    mounted_files,
)
from tests.tiny_model import write_tiny_model

PORT_FLAGS = ("--port=", "--rest_api_port=")


@pytest.fixture(name="models", scope="module")
def two_versions(tmp_path_factory):
    """A folder as /models is in the pods, with two versions."""
    folder = tmp_path_factory.mktemp("models")
    for version in (1, 2):
        write_tiny_model(folder / "classifier", version)
    return folder


def write_files(objects, deployment, folder, models):
    """The pod's mounted files, with its folder of models where the test has it."""
    for name, text in mounted_files(objects, deployment).items():
        text = text.replace("/models/", f"{models}/")
        (folder / name).write_text(text, encoding="utf-8")


def arguments_here(deployment, folder):
    """A container's arguments with the mounted folder elsewhere, but for the ports."""
    arguments = container_of(deployment)["args"]
    assert [a for a in arguments if a.startswith(PORT_FLAGS)] == arguments[:2]
    return [a.replace(FILES_FOLDER, f"{folder}/") for a in arguments[2:]]


@pytest.mark.parametrize(
    "overlay, name, version",
    [
        ("kind", "model-server", 2),
        ("embedded with a canary", "model-server", 1),
        ("embedded with a canary", "model-server-canary", 2),
    ],
)
def test_arguments_start(models, tmp_path, overlay, name, version):
    """Started as in the pod it is healthy, tells metrics, and serves the version meant.

    What the kind overlay tells TensorFlow Serving is told to our server here: it
    refuses a misspelt flag's file, a bad file and a wrong path alike.
    """
    objects = render_overlay(overlay)
    deployment = objects.named("Deployment", name)
    write_files(objects, deployment, tmp_path, models)
    (asked,) = gateway_settings(objects).models

    with fork_server(*arguments_here(deployment, tmp_path)) as (process, said):
        assert said, process.stdout.read()
        served = ask_version(said, asked)
        health = ask_health(said)
        metrics = ask_metrics(said)

    assert served == version
    assert health == health_pb2.HealthCheckResponse.SERVING
    assert ":tensorflow:serving:request_count{" in metrics


@pytest.mark.parametrize("overlay", ["kind", "embedded"])
def test_restart_during_a_canary(models, tmp_path, overlay):
    """A pod that starts while two versions have labels serves the one that is asked."""
    objects = Objects(overlay)
    deployment = objects.named("Deployment", "model-server")
    write_files(objects, deployment, tmp_path, models)
    path = tmp_path / "models.config"
    text = path.read_text(encoding="utf-8")
    held = hold(read_served(text), (1, 2), stable=1, canary=2)
    path.write_text(write_served(text, held), encoding="utf-8")

    with fork_server(*arguments_here(deployment, tmp_path)) as (process, said):
        assert said, process.stdout.read()
        served = [
            ask_version(said, "classifier", label) for label in ("stable", "canary")
        ]

    assert served == [1, 2]


def render_overlay(text):
    """An overlay by name, with everything added if the text says "with a canary"."""
    overlay, _, added = text.partition(" with ")
    if not added:
        return Objects(overlay)
    return Objects(overlay, frozenset(overlay_components(overlay) | choices(overlay)))


def ask_version(said, model, label=None):
    """The version that a gateway reads its contract from; its label may load last."""
    client = ModelClient(f"localhost:{said['grpc_port']}")
    deadline = Deadline.after(60)
    try:
        while deadline.remaining_seconds():
            with suppress(UnknownVersion):
                return client.contract(Target(model, label=label), deadline).version
        raise AssertionError(f"nothing answers as {label}")
    finally:
        client.close()


def ask_health(said):
    """What a pod's gRPC probe asks: the status of the whole server."""
    with grpc.insecure_channel(f"localhost:{said['grpc_port']}") as channel:
        stub = health_pb2_grpc.HealthStub(channel)
        return stub.Check(health_pb2.HealthCheckRequest(), timeout=60).status


def ask_metrics(said):
    """The page that Prometheus reads."""
    page = f"http://localhost:{said['rest_port']}{DEFAULT_PATH}"
    with urllib.request.urlopen(page, timeout=60) as reply:
        return reply.read().decode()
