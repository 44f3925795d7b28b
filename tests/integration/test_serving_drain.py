"""The end of a server process: calls in flight are finished, new ones refused."""

from __future__ import annotations

import signal
from concurrent.futures import ThreadPoolExecutor

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc

from tests.integration.piped_server import (
    ask,
    ask_status,
    call_until_refused,
    post,
    refuses,
    start_piped_server,
)
from tests.integration.serving_calls import read_response
from tests.integration.serving_process import TIMEOUT_SECONDS, start_server


@pytest.mark.parametrize("flags", [(), ("--enable_batching",)])
def test_drain(tmp_path, flags):
    """SIGTERM: NOT_SERVING, no new calls, the call in flight is answered, exit 0.

    Further signals change nothing.
    """
    with (
        start_piped_server(tmp_path, *flags, start=start_server) as started,
        grpc.insecure_channel(f"localhost:{started[1]['grpc_port']}") as channel,
    ):
        process, _, pipes = started
        watch = health_pb2_grpc.HealthStub(channel).Watch(
            health_pb2.HealthCheckRequest()
        )
        health = [next(watch).status]
        call = ask(channel)
        assert pipes[0].read_text() == "begun"

        process.terminate()
        health.append(next(watch).status)
        watch.cancel()
        is_refused = call_until_refused(channel) > 0
        process.terminate()
        process.send_signal(signal.SIGINT)
        was_running = not call.done()
        assert pipes[1].read_text() == "ended"
        _, outputs = read_response(call.result())
        code = process.wait(TIMEOUT_SECONDS)

    answer = health_pb2.HealthCheckResponse
    assert health == [answer.SERVING, answer.NOT_SERVING]
    assert is_refused
    assert was_running
    assert outputs["y"].tolist() == [1.0, 2.0]
    assert code == 0


def test_drain_of_queue(tmp_path):
    """A call that waits in the batcher's queue when the signal comes is answered."""
    (tmp_path / "batching.config").write_text(
        "num_batch_threads { value: 1 } max_batch_size { value: 2 }"
    )
    with (
        start_piped_server(
            tmp_path,
            "--enable_batching",
            f"--batching_parameters_file={tmp_path}/batching.config",
        ) as (process, fields, pipes),
        grpc.insecure_channel(f"localhost:{fields['grpc_port']}") as channel,
    ):
        calls = [ask(channel)]
        assert pipes[0].read_text() == "begun"
        calls.append(ask(channel))
        # On the same connection: when this is answered the call before has arrived.
        assert ask_status(channel).result()

        process.terminate()
        assert call_until_refused(channel)
        assert pipes[1].read_text() == "ended"
        assert [pipe.read_text() for pipe in pipes] == ["begun", "ended"]
        values = [read_response(call.result())[1]["y"].tolist() for call in calls]
        code = process.wait(TIMEOUT_SECONDS)

    assert values == [[1.0, 2.0]] * 2
    assert code == 0


def test_drain_of_http(tmp_path):
    """An HTTP call in flight is answered as well, and new ones are refused."""
    with (
        start_piped_server(tmp_path) as (process, fields, pipes),
        grpc.insecure_channel(f"localhost:{fields['grpc_port']}") as channel,
        ThreadPoolExecutor(1) as pool,
    ):
        call = pool.submit(post, fields["rest_port"])
        assert pipes[0].read_text() == "begun"

        process.terminate()
        assert call_until_refused(channel)
        is_refused = refuses(fields["rest_port"])
        was_running = not call.done()
        assert pipes[1].read_text() == "ended"
        answer = call.result(TIMEOUT_SECONDS)
        code = process.wait(TIMEOUT_SECONDS)

    assert is_refused
    assert was_running
    assert answer == {"predictions": [1.0, 2.0]}
    assert code == 0
