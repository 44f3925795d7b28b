"""A model of a real one's picture size that costs next to nothing, as a process."""

from __future__ import annotations

from contextlib import contextmanager

from tests.integration.serving_process import start_server
from tests.tiny_model import tiny_contract, write_tiny_model

NAME = "tiny"
SIZE = (224, 224)


@contextmanager
def running_tiny_server(base_path, timeout_seconds=170):
    """Written below base_path and served by the embedded server; gives its address."""
    write_tiny_model(base_path, contract=tiny_contract(size=SIZE))
    flags = (f"--model_name={NAME}", f"--model_base_path={base_path}")
    with start_server(*flags, timeout_seconds=timeout_seconds) as (_, fields):
        yield f"localhost:{fields['grpc_port']}"
