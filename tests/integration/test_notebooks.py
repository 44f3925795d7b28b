"""Every notebook runs from top to bottom on small data; none is stored with outputs."""

import ast
import json
import re
import zipfile
from contextlib import nullcontext
from pathlib import Path
from types import SimpleNamespace

import nbformat
import numpy as np
import pytest
from nbclient import NotebookClient
from PIL import Image, ImageOps

from gateway.contract import read_contract
from tests.tiny_model import tiny_contract, write_tiny_model
from training import sources

ROOT = Path(__file__).resolve().parents[2]
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))
METADATA = json.loads((ROOT / "notebooks" / "kernel-metadata.json").read_text())
# Labels in the order of tiny_model's scores, which is not that of the alphabet.
LABELS = ("red", "green")
# The kernel's own sockets are closed by the garbage collector, not by nbclient.
pytestmark = [
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]


def draw_colors(root):
    """Four noisy pictures a class and part; a look-alike and a wrong label.

    validation/red/3.png is train/red/0.png mirrored, and test/red/3.png shows green.
    """
    noise = np.random.default_rng(7)
    for part in ("train", "validation", "test"):
        for channel, label in enumerate(LABELS):
            folder = root / part / label
            folder.mkdir(parents=True)
            for number in range(4):
                pixels = noise.integers(10, 110, (48, 64, 3), np.uint8)
                is_wrong = (part, label, number) == ("test", "red", 3)
                pixels[..., 1 if is_wrong else channel] += 130
                Image.fromarray(pixels).save(folder / f"{number}.png")
    with Image.open(root / "train" / "red" / "0.png") as picture:
        ImageOps.mirror(picture).save(root / "validation" / "red" / "3.png")
    return root


@pytest.fixture(name="places", scope="module")
def _places(tmp_path_factory, start_model_server):
    """What NOTEBOOK_* says: drawn photos, and a tiny model on disk and served."""
    folder = tmp_path_factory.mktemp("notebooks")
    photos = draw_colors(folder / "input" / "attached" / "wrapped")
    contract = tiny_contract(labels=LABELS, size=(32, 40), name="colors")
    write_tiny_model(folder / "models" / "colors", contract=contract)
    extra = folder / "models" / "colors" / "1" / "assets.extra"
    extra.mkdir()
    (extra / "contract.json").write_text(contract.to_json())
    server = start_model_server(folder / "models" / "colors", name="colors")
    (folder / "working").mkdir()
    return {
        "DATA": str(photos),
        "MODEL": "colors",
        "MODELS": str(folder / "models"),
        "MODEL_ADDRESS": f"localhost:{server.grpc_port}",
        "REST_ADDRESS": f"localhost:{server.rest_port}",
        "BACKBONES": "efficientnet-lite0,mobilenet-v2",
        "WEIGHTS": "random",
        "EPOCHS": "1",
        "CACHE": str(folder / "cache"),
        "REPOSITORY": ROOT.as_uri(),
        "INPUT": str(folder / "input"),
        "WORKING": str(folder / "working"),
        "INSTALL": "no",
    }


@pytest.fixture(name="run_notebook")
def _run_notebook(places, monkeypatch):
    """A function that runs one notebook and returns (what it printed, pictures)."""

    def run(name, *unset):
        for key, value in places.items():
            if key not in unset:
                monkeypatch.setenv(f"NOTEBOOK_{key}", value)
        # Streamlit's test harness leaves one behind that shows nothing.
        monkeypatch.delenv("MPLBACKEND", raising=False)
        notebook = nbformat.read(ROOT / "notebooks" / f"{name}.ipynb", as_version=4)
        options = {"metadata": {"path": ROOT / "notebooks"}}
        NotebookClient(notebook, timeout=120, resources=options).execute()
        outputs = [part for cell in notebook.cells for part in cell.get("outputs", [])]
        text = "".join(part.text for part in outputs if part.get("name") == "stdout")
        data = [part.data for part in outputs if "data" in part]
        return text, [part for part in data if "image/png" in part], data

    return run


def test_notebooks_exist():
    """The notebooks are those that the README names."""
    assert [path.stem for path in NOTEBOOKS] == [
        "01_eda",
        "02_champion",
        "03_score_test_data",
        "04_tf_serving_connect",
        "kaggle_train",
    ]


def test_look_at_photos(run_notebook):
    """01 counts the classes, and shows the look-alike that stands in two parts."""
    text, pictures, _ = run_notebook("01_eda")

    assert "wrapped: 24 photos of green, red" in text
    assert "pairs that look the same: 1, of them across two parts: 1" in text
    assert "train: red/0.png = validation: red/3.png (mirrored)" in text
    assert "always 'green': 0.500 on 8 test photos" in text
    assert len(pictures) == 5


def test_choose_champion(run_notebook, places):
    """02 names a champion, and exports that one with a report."""
    text, pictures, _ = run_notebook("02_champion")

    champion = re.search(r"sensible champion: ([^,]+), ", text).group(1)
    assert len(re.findall(r"p = \d\.\d{3} ", text)) == 2
    version = Path(places["MODELS"]) / "wrapped" / "1"
    contract = read_contract((version / "assets.extra" / "contract.json").read_text())
    assert contract.backbone == champion
    assert f"{contract.evaluation.test_accuracy:.3f} on 8 test photos" in text
    assert len(pictures) >= 4


def test_score_photos(run_notebook):
    """03 finds the one photo with a wrong label: 7 of 8 are right."""
    text, pictures, _ = run_notebook("03_score_test_data")

    assert "exit code 0, 8 rows of path, label, score, score_red, score_green" in text
    assert "0.875 of 8 photos are right" in text
    assert re.search(r"green +4 photos, found 1\.000", text)
    assert re.search(r"red +4 photos, found 0\.750", text)
    assert "1 of 8 are wrong" in text
    assert len(pictures) == 2


def test_ask_server(run_notebook):
    """04 asks over gRPC and HTTP; both say what the file on disk says."""
    text, pictures, _ = run_notebook("04_tf_serving_connect")

    assert "version 1: 2 labels (red, green), (32, 40) pixels, none" in text
    assert "difference between HTTP and gRPC" in text
    assert "difference between the server and the file on disk" in text
    assert "88% of these 8 photos are right; version 1 answered" in text
    assert len(pictures) == 1


def test_train_on_kaggle(run_notebook, places):
    """kaggle_train clones, finds the attached photos, and zips a version folder."""
    text, _, data = run_notebook("kaggle_train", "DATA")

    assert "missing: nothing" in text
    assert f"photos: {places['DATA']} with test, train, validation" in text
    assert re.search(r"0\.\d{4}|1\.0000 on 8 test photos", text)
    assert any("<iframe srcdoc=" in part.get("text/html", "") for part in data)
    with zipfile.ZipFile(Path(places["WORKING"]) / "colors-1.zip") as archive:
        names = archive.namelist()
    assert "models/colors/1/saved_model.pb" in names
    assert "models/colors/1/assets.extra/report/report.html" in names


@pytest.mark.parametrize(
    "folders, found",
    [
        ((), "pizza-not-pizza"),
        (("one/wrapper/pizza", "one/wrapper/other"), "one/wrapper"),
        (("one/pizza", "one/other", "two/cats", "two/dogs"), None),
        (("datasets/me/one/pizza", "datasets/me/one/other"), "datasets/me/one"),
        (("datasets/me/one/pizza", "datasets/me/two/cats"), None),
        (("datasets/me/one/pizza", "datasets/you/two/cats"), None),
    ],
)
def test_attached_photos(tmp_path, folders, found):
    """Nothing attached: by name; one set: its classes; two: the reader must choose."""
    notebook = nbformat.read(ROOT / "notebooks" / "kaggle_train.ipynb", as_version=4)
    cell = next(cell.source for cell in notebook.cells if "attached =" in cell.source)
    for folder in folders:
        (tmp_path / folder).mkdir(parents=True)
    names = {"INPUT": tmp_path, "Path": Path, "os": SimpleNamespace(environ={})}

    with pytest.raises(SystemExit) if found is None else nullcontext():
        exec(cell, names)  # pylint: disable=exec-used  # a kernel a case takes seconds

    assert found is None or names["DATA"] in (found, str(tmp_path / found))


def test_kernel_metadata():
    """Kaggle gets the notebook that is there, the internet, and photos we know."""
    assert (ROOT / "notebooks" / METADATA["code_file"]).is_file()
    assert METADATA["kernel_type"] == "notebook"
    assert METADATA["enable_internet"] is True
    slug = re.sub(r"[^a-z0-9]+", "-", METADATA["title"].lower())
    assert METADATA["id"].split("/")[1] == slug
    text = Path(sources.__file__).read_text(encoding="utf-8")
    assert all(f'"{handle}"' in text for handle in METADATA["dataset_sources"])


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_notebook_is_stored_clean(path):
    """No outputs, no execution counts, no function longer than five lines."""
    notebook = nbformat.read(path, as_version=4)
    nbformat.validate(notebook)

    assert notebook.cells[0].cell_type == "markdown"
    for cell in notebook.cells:
        if cell.cell_type == "code":
            assert not cell.outputs
            assert cell.execution_count is None
            definitions = [
                node
                for node in ast.walk(ast.parse(cell.source))
                if isinstance(node, ast.FunctionDef | ast.ClassDef)
            ]
            assert all(node.end_lineno - node.lineno < 5 for node in definitions)
