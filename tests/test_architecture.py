"""Who may import whom; read from the source, nothing is imported here."""

import ast
import json
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
OURS = ("gateway", "serving", "training", "tests")
BORROWED = {"gateway.image", "gateway.contract", "gateway.errors"}
LEAVES = {
    "gateway": ("contract", "errors", "image", "prediction", "settings", "wire"),
    "serving": (
        "batching",
        "model_batcher",
        "batch_queue",
        "batch_rows",
        "errors",
        "settings",
    ),
    "training": (
        "argument_kinds",
        "calibration",
        "config",
        "errors",
        "evaluate",
        "history",
    ),
}
# A leaf may know its service's errors and the plain data it carries.
LEAF_IMPORTS = {
    "gateway": {
        "gateway.errors",
        "gateway.classification",
        "gateway.targets",
        "gateway.reach",
    },
    "serving": {
        "serving.errors",
        "serving.batch_rows",
        "serving.batch_queue",
        "serving.model_batcher",
    },
    "training": set(),
}


def our_imports(path):
    """Our modules that a file imports, but for those named only for type checkers."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    return {name for name in _imports(tree) if name.split(".")[0] in OURS}


def _imports(tree):
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.If) and getattr(node.test, "id", "") == "TYPE_CHECKING":
            continue
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)
        else:
            yield from _imports(node)


def modules(package):
    """Every Python file of a package."""
    return sorted((ROOT / package).rglob("*.py"))


def foreign(path, package):
    """Our modules outside the file's own package."""
    return {
        name for name in our_imports(path) if not name.startswith(f"{package}.")
    } - {package}


@pytest.mark.parametrize("package", ["gateway", "serving"])
def test_services_stand_alone(package):
    """Gateway and serving import nothing of ours but themselves."""
    arrows = {str(path): foreign(path, package) for path in modules(package)}

    assert len(arrows) > 10
    assert not {path: names for path, names in arrows.items() if names}


def test_training_borrows_the_decoder():
    """Training takes the gateway's decoder, contract and their errors, no more."""
    for path in modules("training"):
        names = foreign(path, "training")
        assert all(
            any(name == room or name.startswith(f"{room}.") for room in BORROWED)
            for name in names - {"gateway"}
        ), (path, names)


def test_scripts_and_notebooks():
    """Scripts and notebooks use training and the borrowed rooms, or HTTP and gRPC."""
    allowed = BORROWED | {"training"}
    sources = {path: our_imports(path) for path in (ROOT / "scripts").glob("*.py")}
    for path in (ROOT / "notebooks").glob("*.ipynb"):
        cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
        code = "\n".join(
            "".join(cell["source"]) for cell in cells if cell["cell_type"] == "code"
        )
        names = _imports(ast.parse(code))
        sources[path] = {name for name in names if name.split(".")[0] in OURS}

    assert len(sources) >= 3
    for path, names in sources.items():
        for name in names:
            assert any(
                name == room or name.startswith(f"{room}.") for room in allowed
            ), (path, name)


@pytest.mark.parametrize("package", LEAVES)
def test_leaves(package):
    """A leaf imports nothing of its package but errors and plain data."""
    for name in LEAVES[package]:
        inside = {
            module
            for module in our_imports(ROOT / package / f"{name}.py")
            if (ROOT / f"{module.replace('.', '/')}.py").is_file()
        }
        assert inside <= LEAF_IMPORTS[package], (name, inside)


def test_one_reader_of_the_environment():
    """Only the edge of each program reads os.environ."""
    readers = {
        str(path.relative_to(ROOT))
        for package in ("gateway", "serving", "training")
        for path in modules(package)
        if "os.environ" in path.read_text(encoding="utf-8")
        or "getenv" in path.read_text(encoding="utf-8")
    }

    assert readers <= {
        "gateway/wsgi.py",
        "gateway/__main__.py",
        "gateway/streamlit/app.py",
        "serving/__main__.py",
        "training/program.py",
        "training/score.py",
    }


def test_no_drawers():
    """No file is named for odds and ends."""
    banned = ("util", "helper", "common", "misc", "manager", "handler", "processor")
    names = [path.stem for package in OURS for path in modules(package)]

    assert not [name for name in names if any(word in name for word in banned)]
