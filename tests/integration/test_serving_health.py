"""grpc.health.v1: what each name says, and how it follows the models."""

from __future__ import annotations

import shutil

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc

from tests.integration.serving_calls import TIMEOUT_SECONDS, open_channel
from tests.integration.serving_reloads import ask, entry, reload, write_models

SERVING = health_pb2.HealthCheckResponse.SERVING
NOT_SERVING = health_pb2.HealthCheckResponse.NOT_SERVING
NAMES = ("", "ModelService", "PredictionService")


def check(server, name=""):
    """The status of one name, or the code of the refusal."""
    with open_channel(server) as channel:
        call = health_pb2_grpc.HealthStub(channel).Check.future(
            health_pb2.HealthCheckRequest(service=name), timeout=TIMEOUT_SECONDS
        )
        return call.code() if call.exception() else call.result().status


@pytest.mark.parametrize("name", NAMES)
def test_serving(tiny_server, name):
    """The whole server and both services are SERVING."""
    assert check(tiny_server, name) == SERVING


def test_unknown_service(tiny_server):
    """Any other name is NOT_FOUND."""
    found = check(tiny_server, "tensorflow.serving.PredictionService")

    assert found is grpc.StatusCode.NOT_FOUND


def test_without_flag(start_model_server, tmp_path):
    """Without the flag there is no such service."""
    write_models(tmp_path, a=[1])

    server = start_model_server(
        tmp_path / "a", name="a", enable_grpc_healthcheck_service=False
    )

    assert check(server) is grpc.StatusCode.UNIMPLEMENTED


def test_follows_versions(start_model_server, tmp_path):
    """A server whose versions all go is NOT_SERVING until one comes back."""
    write_models(tmp_path, a=[1])
    server = start_model_server(tmp_path / "a", name="a")

    with open_channel(server) as channel:
        watch = health_pb2_grpc.HealthStub(channel).Watch(
            health_pb2.HealthCheckRequest(), timeout=TIMEOUT_SECONDS
        )
        seen = [next(watch).status]
        (tmp_path / "a" / "1").rename(tmp_path / "aside")
        seen.append(next(watch).status)
        by_name = {check(server, name) for name in NAMES}
        (tmp_path / "aside").rename(tmp_path / "a" / "1")
        seen.append(next(watch).status)
        watch.cancel()

    assert seen == [SERVING, NOT_SERVING, SERVING]
    assert by_name == {NOT_SERVING}


def test_follows_reload(start_model_server, tmp_path):
    """No models at all is SERVING; one model of several is enough."""
    write_models(tmp_path, a=[1], b=[1])
    server = start_model_server(tmp_path / "a", name="a")

    reload(server)
    nothing = check(server)
    reload(server, entry(tmp_path, "a"), entry(tmp_path, "b"))
    shutil.rmtree(tmp_path / "a" / "1")
    assert server.wait_until(
        lambda: ask(server, "a") is grpc.StatusCode.NOT_FOUND, TIMEOUT_SECONDS
    )

    assert nothing == SERVING
    assert check(server) == SERVING
