"""Reloads that wait for models which do not come: whom they hold up, what ends them."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import grpc
import pytest

from tests.integration.serving_calls import TIMEOUT_SECONDS, model_stub
from tests.integration.serving_reloads import (
    answers,
    entry,
    reload,
    reload_request,
    write_models,
)


@pytest.fixture(name="folder", scope="module")
def _folder(tmp_path_factory):
    """Models a (version 2) and b (version 7); there is no model "none"."""
    return write_models(tmp_path_factory.mktemp("models"), a=[2], b=[7])


@pytest.fixture(name="server", scope="module")
def _server(start_model_server, folder):
    return start_model_server(folder / "a", name="a", grpc_max_threads=8)


def test_wait_ends_with_the_call(server, folder):
    """A reload that waits for a missing path ends with its deadline, for good."""
    reload(server, entry(folder, "a"))
    request = reload_request(entry(folder, "a"), entry(folder, "none"))

    with model_stub(server) as stub:
        # Twice as often as reloads may wait: a thread that stayed would be missed.
        for _ in range(8):
            call = stub.HandleReloadConfigRequest.future(request, timeout=0.2)
            assert call.exception().code() is grpc.StatusCode.DEADLINE_EXCEEDED
            reload(server, entry(folder, "a"))

    assert answers(server, "a") == {"a": 2}


def test_waits_leave_threads(server, folder):
    """However many reloads wait, other calls are answered; then reloads work again."""
    reload(server, entry(folder, "a"))
    waiting = reload_request(entry(folder, "a"), entry(folder, "none"))

    with model_stub(server) as stub:
        calls = [
            stub.HandleReloadConfigRequest.future(waiting, timeout=TIMEOUT_SECONDS)
            for _ in range(20)
        ]
        answered = answers(server, "a")
        for call in calls:
            call.cancel()
        # The server hears of the last cancelled one a moment later.
        codes = (reload_code(stub, entry(folder, "a")) for _ in range(10_000))
        is_free_again = grpc.StatusCode.OK in codes

    assert answered == {"a": 2}
    assert is_free_again


def reload_code(stub, *entries):
    """The status of a reload."""
    call = stub.HandleReloadConfigRequest.future(
        reload_request(*entries), timeout=TIMEOUT_SECONDS
    )
    call.exception()
    return call.code()


def test_stop_while_reload_waits(start_model_server, folder):
    """A stop ends a reload that waits, and is not held up by it."""
    server = start_model_server(folder / "a", name="a")
    request = reload_request(entry(folder, "b"), entry(folder, "none"))

    with model_stub(server) as stub, ThreadPoolExecutor(1) as pool:
        call = stub.HandleReloadConfigRequest.future(request, timeout=TIMEOUT_SECONDS)
        assert server.wait_until(lambda: answers(server, "b") == {"b": 7}, 30)
        was_waiting = not call.done()
        stopping = pool.submit(server.stop, TIMEOUT_SECONDS)
        error = call.exception(TIMEOUT_SECONDS)
        stopping.result(TIMEOUT_SECONDS / 2)

    assert was_waiting
    assert error.code() is grpc.StatusCode.UNAVAILABLE
