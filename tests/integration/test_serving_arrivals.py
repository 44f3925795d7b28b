"""Version folders that come late, piece by piece, or again."""

from __future__ import annotations

import shutil

import grpc
import pytest

from serving.served_model import ModelConfig
from tests.integration.serving_calls import TIMEOUT_SECONDS
from tests.integration.serving_reloads import answers, ask, status, write_models

QUICK_RETRIES = {"max_num_load_retries": 10_000, "load_retry_interval_micros": 10_000}


def wait_for(server, name, version):
    """Wait until the model answers with that version; whether it did in time."""
    return server.wait_until(lambda: ask(server, name) == version, TIMEOUT_SECONDS)


@pytest.mark.parametrize("is_empty", [False, True])
def test_absent_beside_good(start_model_server, tmp_path, is_empty):
    """A model without folders holds up no other; it is loaded when they come."""
    write_models(tmp_path, good=[1])
    write_models(tmp_path / "aside", late=[4])
    if is_empty:
        (tmp_path / "late").mkdir()
    names = ("good", "late")
    server = start_model_server(
        configs=[ModelConfig(name=n, base_path=str(tmp_path / n)) for n in names]
    )
    before = answers(server, *names)

    (tmp_path / "late").mkdir(exist_ok=True)
    (tmp_path / "aside" / "late" / "4").rename(tmp_path / "late" / "4")

    assert before == {"good": 1, "late": None}
    assert wait_for(server, "late", 4)


def test_no_models(start_model_server):
    """An empty list of models starts at once."""
    server = start_model_server(configs=[])

    assert ask(server, "any") is grpc.StatusCode.NOT_FOUND


def test_copied_piece_by_piece(start_model_server, tmp_path):
    """A version that is copied while it is looked at is served once it is whole.

    saved_model.pb comes last: a graph without variables beside it loads as it is, in
    TensorFlow Serving, too.
    """
    write_models(tmp_path, m=[1])
    write_models(tmp_path / "aside", m=[2])
    server = start_model_server(tmp_path / "m", name="m", **QUICK_RETRIES)
    source, target = tmp_path / "aside" / "m" / "2", tmp_path / "m" / "2"
    pieces = [path for path in source.rglob("*") if path.is_file()]
    pieces.sort(key=lambda path: path.name == "saved_model.pb")
    answered = []

    for piece in pieces:
        copy = target / piece.relative_to(source)
        copy.parent.mkdir(parents=True, exist_ok=True)
        half = piece.read_bytes()[: piece.stat().st_size // 2]
        copy.write_bytes(half)
        assert server.wait_until(lambda: 2 in status(server, "m"), TIMEOUT_SECONDS)
        answered.append((status(server, "m")[2][0], ask(server, "m")))
        shutil.copy(piece, copy)

    assert len(pieces) > 2
    assert set(answered) <= {("LOADING", 1), ("START", 1)}
    assert wait_for(server, "m", 2)


def test_versions_lost(start_model_server, tmp_path):
    """A base path that lost its versions unloads them until they are back."""
    write_models(tmp_path, m=[1])
    server = start_model_server(tmp_path / "m", name="m")

    (tmp_path / "m" / "1").rename(tmp_path / "1")
    assert wait_for(server, "m", grpc.StatusCode.NOT_FOUND)
    (tmp_path / "1").rename(tmp_path / "m" / "1")
    assert wait_for(server, "m", 1)

    assert status(server, "m") == {1: ("AVAILABLE", 0)}


def test_broken_folder_comes_back(start_model_server, tmp_path):
    """A version that failed is tried anew when its folder went and came back."""
    write_models(tmp_path, m=[1])
    write_models(tmp_path / "aside", m=[2])
    server = start_model_server(tmp_path / "m", name="m", max_num_load_retries=0)
    (tmp_path / "m" / "2").mkdir()
    not_found = grpc.StatusCode.NOT_FOUND.value[0]
    ended = ("END", not_found)
    assert server.wait_until(lambda: status(server, "m").get(2) == ended, 30)

    (tmp_path / "m" / "2").rmdir()
    # The second version is noted as gone when the first one is looked for again.
    (tmp_path / "m" / "3").mkdir()
    assert server.wait_until(lambda: status(server, "m").get(3) == ended, 30)
    (tmp_path / "aside" / "m" / "2").rename(tmp_path / "m" / "2")
    (tmp_path / "m" / "3").rmdir()

    assert wait_for(server, "m", 2)
