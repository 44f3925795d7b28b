"""Every notebook runs from top to bottom on small data; none is stored with outputs."""

from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

from tests.integration.trained_model import draw_photos
from tests.tiny_model import tiny_contract, write_tiny_model

ROOT = Path(__file__).resolve().parents[2]
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))


@pytest.fixture(name="environment")
def _environment(tmp_path, start_model_server, monkeypatch):
    """Drawn photos and a tiny served model, told to the notebooks as a user would."""
    photos = draw_photos(tmp_path / "shades")
    contract = tiny_contract(labels=("dark", "light"), name="shades")
    write_tiny_model(tmp_path / "models" / "shades", contract=contract)
    server = start_model_server(tmp_path / "models" / "shades", name="shades")
    monkeypatch.setenv("NOTEBOOK_DATA", str(photos))
    monkeypatch.setenv("NOTEBOOK_MODEL", "shades")
    monkeypatch.setenv("NOTEBOOK_MODEL_ADDRESS", f"localhost:{server.grpc_port}")


def test_notebooks_exist():
    """The table in the README names two notebooks so far."""
    assert [path.stem for path in NOTEBOOKS] == ["01_eda", "04_tf_serving_connect"]


@pytest.mark.usefixtures("environment")
# The kernel's own sockets are closed by the garbage collector, not by nbclient.
@pytest.mark.filterwarnings("ignore::ResourceWarning")
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_notebook_runs(path):
    """No cell fails, and the last one says something."""
    notebook = nbformat.read(path, as_version=4)

    NotebookClient(
        notebook, timeout=120, resources={"metadata": {"path": path.parent}}
    ).execute()

    assert notebook.cells[-1].outputs


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_notebook_is_stored_clean(path):
    """No outputs, no execution counts, no function longer than five lines."""
    notebook = nbformat.read(path, as_version=4)

    for cell in notebook.cells:
        if cell.cell_type == "code":
            assert not cell.outputs
            assert cell.execution_count is None
            assert "def " not in cell.source
    assert notebook.cells[0].cell_type == "markdown"
