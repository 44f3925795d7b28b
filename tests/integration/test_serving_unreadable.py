"""Bytes that are no message: refused without a trace, and nothing stays under way."""

from __future__ import annotations

import grpc
import pytest

from serving.__main__ import DRAIN_SECONDS
from tests.integration.forked_server import fork_server
from tests.integration.serving_calls import TIMEOUT_SECONDS, open_channel
from tests.tiny_model import write_tiny_model

NO_MESSAGE = b"\xff\xff"
REFLECTION = "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo"


@pytest.fixture(name="server")
def _server(start_model_server, tmp_path):
    write_tiny_model(tmp_path / "tiny")
    return start_model_server(tmp_path / "tiny")


def test_unary(server, caplog):
    """INTERNAL, as gRPC's own libraries answer, and no traceback in the log."""
    with open_channel(server) as channel:
        predict = channel.unary_unary("/tensorflow.serving.PredictionService/Predict")

        error = predict.future(NO_MESSAGE, timeout=TIMEOUT_SECONDS).exception()

    assert error.code() is grpc.StatusCode.INTERNAL
    assert "received other bytes" in error.details()
    assert not [record for record in caplog.records if record.exc_info]


def test_stream_ends(tmp_path):
    """A stream that was refused does not hold up the end of the process."""
    write_tiny_model(tmp_path / "tiny")
    with fork_server(f"--model_base_path={tmp_path / 'tiny'}") as (process, fields):
        with grpc.insecure_channel(f"localhost:{fields['grpc_port']}") as channel:
            reflect = channel.stream_stream(REFLECTION)
            answers = reflect(iter([NO_MESSAGE]), timeout=TIMEOUT_SECONDS)

            with pytest.raises(grpc.RpcError) as refusal:
                next(answers)
        process.terminate()
        code = process.wait(DRAIN_SECONDS / 2)

    assert refusal.value.code() is grpc.StatusCode.INTERNAL
    assert code == 0
