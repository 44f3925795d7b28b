"""5,000 malformed calls to a server of its own: errors, good answers, flat memory."""

from __future__ import annotations

import json
import os
import re
import socket
import threading
import time
import urllib.request
from contextlib import suppress
from dataclasses import dataclass, field

import grpc
import numpy as np
import psutil
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from tensorflow_serving.apis import model_management_pb2, predict_pb2

from tests.integration import malformed_http, malformed_messages
from tests.integration.example_models import build_colors, write_signatures
from tests.integration.forked_server import fork_server
from tests.integration.malformed_messages import MODELS, PREDICT, STREAMS, Message
from tests.integration.serving_calls import predict_request, read_response
from tests.integration.serving_models import build_half_plus, build_join, write_graph
from tests.tiny_model import write_tiny_model

CALLS = 5_000
WARM_UP_CALLS = 1_000
CALLS_BETWEEN_CHECKS = 50
# Allocators keep what they once had (8 to 10 MB here); 13 KB lost a call would show.
MAX_GROWTH_BYTES = 50 * 1024 * 1024
SECONDS_TO_ANSWER = 20
SECONDS_TO_LIVE = 420
# The codes with which a server blames itself.
_OUR_FAULT = (grpc.StatusCode.INTERNAL, grpc.StatusCode.UNKNOWN)


@dataclass
class Victim:
    """A server process, its doors, and the bugs that it logged."""

    process: psutil.Process
    channel: grpc.Channel
    rest_port: int
    config: model_management_pb2.ReloadConfigRequest
    bugs: list[str] = field(default_factory=list)

    def send(self, message):
        """Make the gRPC call; the error, or None for an answer."""
        if message.method in STREAMS:
            call = self.channel.stream_stream(message.method)
            replies = call(iter([message.data]), timeout=SECONDS_TO_ANSWER)
        else:
            call = self.channel.unary_unary(message.method)
            replies = [call.future(message.data, timeout=SECONDS_TO_ANSWER)]
        try:
            for reply in replies:
                if message.method not in STREAMS:
                    reply.result()
        except grpc.RpcError as error:
            return error
        return None

    def post(self, request):
        """Send bytes to the HTTP port; all that comes back until it closes."""
        address = ("127.0.0.1", self.rest_port)
        with socket.create_connection(address, SECONDS_TO_ANSWER) as connection:
            reply = b""
            try:
                connection.sendall(request.data)
                with suppress(OSError):
                    connection.shutdown(socket.SHUT_WR)
                while piece := connection.recv(65536):
                    reply += piece
            except (ConnectionResetError, BrokenPipeError):
                # Told off before everything was sent.
                pass
        return reply


@pytest.fixture(name="victim", scope="module")
def _victim(tmp_path_factory):
    """A batching server: images, numbers, texts, and signatures over tf.Examples."""
    folder = tmp_path_factory.mktemp("models")
    write_tiny_model(folder / "tiny")
    write_graph(folder / "half" / "1", build_half_plus(2))
    write_graph(folder / "join" / "1", build_join)
    write_signatures(folder / "colors" / "1", build_colors)
    config = model_management_pb2.ReloadConfigRequest()
    for name in MODELS:
        config.config.model_config_list.config.add(
            name=name, base_path=str(folder / name), model_platform="tensorflow"
        )
    config_file = folder / "models.config"
    config_file.write_text(str(config.config), encoding="utf-8")
    flags = (
        f"--model_config_file={config_file}",
        "--enable_batching",
        "--enable_grpc_healthcheck_service",
    )
    with fork_server(*flags, timeout_seconds=SECONDS_TO_LIVE) as (process, fields):
        address = f"localhost:{fields['grpc_port']}"
        with grpc.insecure_channel(address) as channel:
            victim = Victim(
                psutil.Process(process.pid), channel, int(fields["rest_port"]), config
            )
            reader = threading.Thread(target=_read_log, args=(process, victim.bugs))
            reader.start()
            yield victim
        process.terminate()
        reader.join()


def _read_log(process, bugs):
    """Empty the pipe, or the server would wait for it; keep what is a bug."""
    for line in process.stdout:
        if "event=bug" in line or "Exception on /" in line:
            bugs.append(line)


def check_error(message, error):
    """Only bytes that protobuf cannot read may be called an internal error."""
    if error is None or not message.is_readable():
        return
    assert error.code() not in _OUR_FAULT, (error.details(), message)
    assert error.code() is not grpc.StatusCode.DEADLINE_EXCEEDED, message
    assert error.code() is not grpc.StatusCode.UNAVAILABLE, (error.details(), message)


def check_reply(request, reply):
    """A closed connection, an answer, or an error that blames the caller."""
    if not reply:
        return
    head, _, rest = reply.partition(b"\r\n\r\n")
    status = int(head.split(b" ", 2)[1])
    assert status in (*range(100, 500), 501, 503, 505), (status, request, rest)
    length = re.search(rb"Content-Length: ([0-9]+)", head, re.I)
    if status >= 400 and b"application/json" in head and rest and length:
        # What follows answers what followed the request.
        body = rest[: int(length[1])]
        assert isinstance(json.loads(body)["error"], str), (request, body)


def check_good_calls(victim):
    """Every model answers over gRPC and REST, with the right values."""
    black = np.zeros((2, 8, 10, 3), np.uint8)
    text = np.array([b"ab"], np.object_)
    expected = (
        ("tiny", {"images": black}, "scores", np.full((2, 3), 1 / 3)),
        ("half", {"x": np.float32([[2.0]])}, "y", [[3.0]]),
        ("join", {"left": text, "right": text}, "joined", [b"abab"]),
    )
    call = victim.channel.unary_unary(PREDICT)
    for name, inputs, output, values in expected:
        request = predict_request(name, **inputs)
        if name == "join":
            request.output_filter.append(output)
        data = call(request.SerializeToString(), timeout=SECONDS_TO_ANSWER)
        _, outputs = read_response(predict_pb2.PredictResponse.FromString(data))
        if name == "join":
            assert outputs[output].tolist() == values
        else:
            # One rounding of float32.
            np.testing.assert_allclose(outputs[output], values, rtol=1e-6)
    url = f"http://localhost:{victim.rest_port}/v1/models/half:predict"
    body = b'{"instances": [[2.0]]}'
    with urllib.request.urlopen(url, body, timeout=SECONDS_TO_ANSWER) as reply:
        assert json.load(reply) == {"predictions": [[3.0]]}


@st.composite
def calls(draw):
    """A gRPC message or an HTTP request, as often the one as the other."""
    is_message = draw(st.booleans())
    return draw(
        malformed_messages.messages() if is_message else malformed_http.requests()
    )


@pytest.mark.timeout(400)
def test_malformed_calls(victim):
    """Each gets an error or an answer; good calls go on; memory stays flat."""
    sent = []
    resident = []

    @settings(
        max_examples=CALLS,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(calls())
    def send(call):
        if isinstance(call, Message):
            check_error(call, victim.send(call))
        else:
            check_reply(call, victim.post(call))
        sent.append(type(call))
        if len(sent) % CALLS_BETWEEN_CHECKS == 0:
            check_good_calls(victim)
        if len(sent) >= WARM_UP_CALLS:
            resident.append(victim.process.memory_info().rss)

    send()  # pylint: disable=no-value-for-parameter  # Hypothesis gives the call

    assert len(sent) >= CALLS
    assert not victim.bugs
    assert resident[-1] - resident[0] < MAX_GROWTH_BYTES


def test_bomb(victim):
    """150 KB of gzip that would be 150 MB is refused, and nothing of it piles up."""
    bomb = malformed_http.bomb_request()
    replies, resident = [], []

    for _ in range(2):
        # As many as there may be threads, which each keep some memory of their own.
        replies += [victim.post(bomb) for _ in range(4 * os.cpu_count())]
        resident.append(victim.process.memory_info().rss)

    for reply in replies:
        assert b" 400 " in reply.splitlines()[0]
        assert b"The document is empty" in reply
    assert resident[1] - resident[0] < MAX_GROWTH_BYTES
    check_good_calls(victim)


def test_reload_to_nothing(victim):
    """Six bytes that are an empty config unload every model; a good one brings them."""
    method = "/tensorflow.serving.ModelService/HandleReloadConfigRequest"
    before = victim.config.SerializeToString()

    error = victim.send(Message(method, b"\x0a\x02\x0a\x00"))

    request = predict_request("half", x=np.float32([[2.0]]))
    call = Message(PREDICT, request.SerializeToString())
    # Models end after the answer.
    ends_at, refusal = time.monotonic() + SECONDS_TO_ANSWER, None
    while refusal is None and time.monotonic() < ends_at:
        refusal = victim.send(call)
    assert error is None
    assert refusal.code() is grpc.StatusCode.NOT_FOUND
    assert victim.send(Message(method, before)) is None
    check_good_calls(victim)
