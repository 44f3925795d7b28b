"""ModelClient against a real server: answers, codes, deadlines, swaps."""

from __future__ import annotations

import socket
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from gateway.deadline import Deadline
from gateway.errors import (
    ModelMismatch,
    ModelTimeout,
    ModelUnavailable,
    NoExplanation,
    UnknownVersion,
)
from gateway.model_client import ModelClient
from gateway.targets import Target
from tests.tiny_model import tiny_contract, write_tiny_model

TINY = Target("tiny")


@pytest.fixture(name="deadline")
def _deadline():
    return Deadline.after(30)


@pytest.fixture(name="client")
def _client(tiny_server):
    client = ModelClient(f"localhost:{tiny_server.grpc_port}")
    yield client
    client.close()


def test_contract(client, deadline):
    """The model describes itself: version and contract, as written."""
    served = client.contract(TINY, deadline)

    assert (served.name, served.version) == ("tiny", 1)
    assert served.contract == tiny_contract()


def test_contract_is_cached(client, deadline):
    """A contract is asked for once: the second time no server is needed."""
    first = client.contract(TINY, deadline)
    client.close()

    assert client.contract(TINY, deadline) is first
    assert client.contract(first.target, deadline) is first


@pytest.mark.parametrize("as_content", [False, True])
def test_predict(start_model_server, tmp_path, deadline, as_content):
    """Scores are the softmax of the channel means, in both reply encodings."""
    write_tiny_model(tmp_path / "tiny")
    server = start_model_server(
        tmp_path / "tiny", enable_serialization_as_tensor_content=as_content
    )
    client = ModelClient(f"localhost:{server.grpc_port}")
    batch = np.zeros((2, 8, 10, 3), np.uint8)
    batch[1] = (255, 0, 0)

    reply = client.predict(TINY, batch, deadline)

    client.close()
    red = np.e / (np.e + 2)
    expected = [[1 / 3] * 3, [red, (1 - red) / 2, (1 - red) / 2]]
    assert reply.version == 1
    # float32: seven digits.
    np.testing.assert_allclose(reply.scores, expected, rtol=1e-6)


def test_predict_in_a_crowd(client, deadline):
    """Callers whose photos travel together get the scores of their own."""
    colors = np.random.default_rng(0).integers(0, 256, (800, 3), np.uint8)

    def ask(color):
        batch = np.broadcast_to(color, (1, 8, 10, 3))
        return client.predict(TINY, batch, deadline).scores[0]

    with ThreadPoolExecutor(32) as pool:
        scores = list(pool.map(ask, colors))

    powers = np.exp(colors / 255)
    expected = powers / powers.sum(axis=1, keepdims=True)
    # float32: seven digits.
    np.testing.assert_allclose(scores, expected, rtol=1e-5)


def test_states(client, deadline):
    """Every version has its state."""
    assert client.states("tiny", deadline) == {1: "AVAILABLE"}


def test_model_not_loaded(client, deadline):
    """A model that the server does not have is a mismatch, not a crash."""
    with pytest.raises(ModelMismatch, match="NOT_FOUND"):
        client.contract(Target("cats"), deadline)


@pytest.mark.parametrize("target", [Target("tiny", 7), Target("tiny", label="stable")])
def test_version_not_loaded(client, deadline, target):
    """A version or label that the server does not have is the caller's mistake."""
    with pytest.raises(UnknownVersion, match="version 7|label 'stable'"):
        client.contract(target, deadline)


def test_refused_batch(client, deadline):
    """Pixels that the server refuses (eight bytes for each here) are a mismatch."""
    with pytest.raises(ModelMismatch, match="INVALID_ARGUMENT"):
        client.predict(TINY, np.zeros((1, 8, 10, 3), np.float64), deadline)


def test_no_server(deadline):
    """Nobody listens: unavailable, at once."""
    with socket.create_server(("localhost", 0)) as taken:
        port = taken.getsockname()[1]
    client = ModelClient(f"localhost:{port}")

    with pytest.raises(ModelUnavailable):
        client.contract(TINY, deadline)

    client.close()


def test_silent_server():
    """A server that never answers costs no more than the deadline."""
    with socket.create_server(("localhost", 0)) as silent:
        client = ModelClient(f"localhost:{silent.getsockname()[1]}")

        with pytest.raises(ModelTimeout):
            client.contract(TINY, Deadline.after(0.2))

        client.close()


def test_past_deadline(client, deadline):
    """A deadline that has passed is not taken for none."""
    client.contract(TINY, deadline)

    with pytest.raises(ModelTimeout):
        client.predict(TINY, np.zeros((1, 8, 10, 3), np.uint8), Deadline.after(-1))


def test_disagreeing_contract(start_model_server, tmp_path, deadline):
    """A contract that names more labels than the graph has scores is not believed."""
    lie = tiny_contract(labels=("a", "b", "c", "d"))
    folder = write_tiny_model(tmp_path / "tiny")
    graph = folder / "saved_model.pb"
    # A string constant of the same length keeps the file's inner lengths right.
    text = tiny_contract().to_json().encode()
    other = lie.to_json().replace("\n", "").replace("  ", "").encode()
    content = graph.read_bytes()
    assert content.count(text) == 1 and len(other) <= len(text)
    graph.write_bytes(content.replace(text, other.ljust(len(text))))
    server = start_model_server(tmp_path / "tiny")
    client = ModelClient(f"localhost:{server.grpc_port}")

    with pytest.raises(ModelMismatch, match="'scores' of shape"):
        client.contract(TINY, deadline)

    client.close()


@pytest.mark.parametrize("as_content", [False, True])
def test_explain(start_model_server, tmp_path, deadline, as_content):
    """Scores as predict gives them, and the red channel as heatmap, row by row."""
    write_tiny_model(tmp_path / "tiny")
    server = start_model_server(
        tmp_path / "tiny", enable_serialization_as_tensor_content=as_content
    )
    client = ModelClient(f"localhost:{server.grpc_port}")
    batch = np.zeros((2, 8, 10, 3), np.uint8)
    batch[1, 2, 3] = (255, 0, 0)
    batch[1, 4, 5] = (51, 255, 255)

    explained = client.explain(TINY, batch, deadline)

    predicted = client.predict(TINY, batch, deadline)
    client.close()
    expected = np.zeros((2, 8, 10), np.float32)
    expected[1, 2, 3], expected[1, 4, 5] = 1, 0.2
    assert explained.reply.version == 1
    np.testing.assert_array_equal(explained.reply.scores, predicted.scores)
    np.testing.assert_allclose(explained.heatmaps, expected, rtol=1e-6)


def test_explain_without_signature(start_model_server, tmp_path, deadline):
    """A model that only predicts is told so; it is ready and predicts all the same."""
    write_tiny_model(tmp_path / "tiny", with_explain=False)
    server = start_model_server(tmp_path / "tiny")
    client = ModelClient(f"localhost:{server.grpc_port}")
    batch = np.zeros((1, 8, 10, 3), np.uint8)

    with pytest.raises(NoExplanation, match="'tiny' version 1 has none"):
        client.explain(TINY, batch, deadline)

    assert client.predict(TINY, batch, deadline).version == 1
    client.close()


def test_explain_after_a_swap(start_model_server, tmp_path, deadline):
    """A newer version that explains is found, though only the older one was asked."""
    write_tiny_model(tmp_path / "tiny", with_explain=False)
    server = start_model_server(
        tmp_path / "tiny", file_system_poll_wait_seconds=1, num_load_threads=1
    )
    client = ModelClient(f"localhost:{server.grpc_port}")
    assert not client.contract(TINY, deadline).can_explain
    write_tiny_model(tmp_path / "aside", version=2)
    (tmp_path / "aside" / "2").rename(tmp_path / "tiny" / "2")
    while client.states("tiny", deadline).get(2) != "AVAILABLE":
        assert deadline.remaining_seconds()

    explained = client.explain(TINY, np.zeros((1, 8, 10, 3), np.uint8), deadline)

    client.close()
    assert explained.reply.version == 2
