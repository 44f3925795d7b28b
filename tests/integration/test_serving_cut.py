"""The end of a server process that waits for nobody: late calls, loads, empty paths."""

from __future__ import annotations

import os
import signal
import subprocess
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import grpc

from serving.__main__ import main
from tests.integration.forked_server import ForkedProcess
from tests.integration.piped_server import ask, post, start_piped_server
from tests.integration.serving_process import (
    TIMEOUT_SECONDS,
    any_ports,
    start_server,
)

main_impatient = partial(main, drain_seconds=0.2)


def test_late_call(tmp_path):
    """A call that outlasts the drain is cut, and the process ends like the signal."""
    with (
        start_piped_server(tmp_path, program=main_impatient) as started,
        grpc.insecure_channel(f"localhost:{started[1]['grpc_port']}") as channel,
    ):
        process, _, pipes = started
        call = ask(channel)
        assert pipes[0].read_text() == "begun"

        process.terminate()
        code = process.wait(TIMEOUT_SECONDS)
        error = call.exception()

    assert error is not None
    assert code == 128 + signal.SIGTERM


def test_late_http_call(tmp_path):
    """An HTTP call that outlasts the drain holds the process no longer either."""
    with (
        start_piped_server(tmp_path, program=main_impatient) as started,
        ThreadPoolExecutor(1) as pool,
    ):
        process, fields, pipes = started
        call = pool.submit(post, fields["rest_port"])
        assert pipes[0].read_text() == "begun"

        process.send_signal(signal.SIGINT)
        code = process.wait(TIMEOUT_SECONDS)

    assert call.exception() is not None
    assert code == 128 + signal.SIGINT


def test_stop_while_waiting(tmp_path):
    """A server that still waits for its base path ends at once, without an error."""
    flags = any_ports([f"--model_base_path={tmp_path}/none"])
    with ForkedProcess(main, flags) as process:
        assert any("event=model_not_found" in line for line in process.stdout)
        process.send_signal(signal.SIGINT)
        code = process.wait(TIMEOUT_SECONDS)

    assert code == 0


def test_stop_while_loading(tmp_path):
    """A load that TensorFlow is at holds up no end: nobody waits for its result."""
    folder = tmp_path / "m" / "1"
    folder.mkdir(parents=True)
    # TensorFlow opens it and waits for a writer.
    os.mkfifo(folder / "saved_model.pb")
    flags = any_ports([f"--model_base_path={tmp_path}/m"])
    with ForkedProcess(main, flags) as process:
        assert any("state=LOADING" in line for line in process.stdout)
        process.terminate()
        code = process.wait(TIMEOUT_SECONDS)

    assert code == 0


def test_nobody_reads(tmp_path, monkeypatch):
    """A server whose output goes nowhere any more ends all the same."""
    # With it there is nothing left to write in the end.
    monkeypatch.delenv("PYTHONUNBUFFERED", raising=False)
    with start_piped_server(
        tmp_path, start=start_server, stderr=subprocess.DEVNULL
    ) as (process, _, _):
        process.stdout.close()
        process.terminate()
        code = process.wait(TIMEOUT_SECONDS)

    assert code == 0
