"""ModelChannel when pods refuse, are gone, or come back with other addresses."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import grpc
import numpy as np
import pytest

from gateway.deadline import Deadline
from gateway.errors import ModelUnavailable
from gateway.model_client import ModelClient
from gateway.targets import Target
from tests.integration.name_server import running_name_server

TINY = Target("tiny")
# gRPC keeps 256 KB of a call for another try, unless it is told to keep more.
LARGE_BATCH = np.zeros((1200, 8, 10, 3), np.uint8)


@pytest.fixture(name="deadline")
def _deadline():
    return Deadline.after(30)


@pytest.fixture(name="refusing_port")
def _refusing_port():
    """The port of a server that says UNAVAILABLE to everything."""

    class Refusal(grpc.GenericRpcHandler):
        """What a pod says that is about to end."""

        def service(self, handler_call_details):
            """Refuse the call."""
            return grpc.unary_unary_rpc_method_handler(refuse)

    def refuse(_request, context):
        context.abort(grpc.StatusCode.UNAVAILABLE, "going")

    server = grpc.server(ThreadPoolExecutor(4), handlers=(Refusal(),))
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    yield port
    server.stop(0).wait()


def test_refused_calls_go_elsewhere(tiny_server, refusing_port, deadline):
    """Of two pods one refuses: no caller hears of it, however large the batch."""
    assert LARGE_BATCH.nbytes > 256 * 1024
    client = ModelClient(
        f"ipv4:127.0.0.1:{tiny_server.grpc_port},127.0.0.1:{refusing_port}"
    )

    replies = [client.predict(TINY, LARGE_BATCH, deadline) for _ in range(20)]

    client.close()
    assert {reply.scores.shape for reply in replies} == {(1200, 3)}


def test_nobody_left(refusing_port, deadline):
    """Where every pod refuses the caller is told so, long before its deadline."""
    client = ModelClient(f"localhost:{refusing_port}")

    # Twice 0.05 + 0.1 s between the tries of a call, so 3 s of the 30.
    for _ in range(10):
        with pytest.raises(ModelUnavailable):
            client.contract(TINY, deadline)

    client.close()
    assert deadline.remaining_seconds() > 0


def test_new_addresses(tiny_server, deadline):
    """After a time without any pod the first call finds the new ones."""
    with running_name_server() as names:
        client = ModelClient(names.target(tiny_server.grpc_port))
        with pytest.raises(ModelUnavailable):
            client.contract(TINY, deadline)
        # gRPC asks at 0, 1 and 2.6 s; by itself it would not ask again before 4.6 s.
        assert names.wait_for_questions(3, timeout_seconds=30)

        names.addresses = ("127.0.0.2",)
        served = client.contract(TINY, deadline)

        client.close()
    assert served.version == 1
