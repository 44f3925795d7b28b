"""The folder through which several workers count together; knows no Prometheus.

The library looks for it when it is imported, so it is made before the workers are.
"""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

# Source: prometheus_client's documentation, "Multiprocess Mode".
FOLDER_VARIABLE = "PROMETHEUS_MULTIPROC_DIR"


def make_folder(owner: int) -> Path:
    """An empty folder for the workers of one process id, whatever lay there before.

    A container that starts again finds its own files: it has the same process id.

    Raises:
        OSError: The folder cannot be made, or what has its name is not ours to clean.
    """
    folder = Path(tempfile.gettempdir()) / f"gateway-metrics-{owner}"
    if folder.exists():
        shutil.rmtree(folder)
    folder.mkdir(mode=0o700)
    return folder


def forget_worker(folder: Path, worker: int) -> None:
    """What a worker that ended had under way is no longer; what it counted stays."""
    for path in folder.glob(f"gauge_live*_{worker}.db"):
        path.unlink(missing_ok=True)
