"""What the gateway loads: no TensorFlow, and nothing of the other packages."""

from __future__ import annotations

import json
import subprocess
import sys

# Everything the gateway runs with, the official wire package excluded by design.
PROGRAM = """
import json, sys
import gateway.__main__, gateway.app, gateway.model_client
print(json.dumps(sorted({name.partition(".")[0] for name in sys.modules})))
"""
FORBIDDEN = {
    "tensorflow",
    "tensorflow_serving",
    "keras",
    "h5py",
    "matplotlib",
    "training",
    "serving",
    "urllib3",
    "requests",
    # Loaded where a collector or a rate is configured, and nowhere else.
    "opentelemetry",
    "flask_limiter",
    "limits",
}


def test_fresh_interpreter():
    """A fresh interpreter that loads the whole gateway loads none of these."""
    result = subprocess.run(
        [sys.executable, "-W", "error", "-c", PROGRAM],
        capture_output=True,
        text=True,
        check=True,
    )

    loaded = set(json.loads(result.stdout))
    assert {"flask", "grpc", "numpy", "PIL", "gunicorn"} <= loaded
    assert not loaded & FORBIDDEN
