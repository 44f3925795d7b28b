"""The README is true: its commands, files, settings and errors exist."""

import re
from dataclasses import fields
from pathlib import Path

import pytest

from gateway.errors import GatewayError
from gateway.settings import Settings, variable_name
from serving.settings import Settings as ServingSettings

ROOT = Path(__file__).resolve().parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")


def test_length():
    """At most 200 lines."""
    assert len(README.splitlines()) <= 200


def test_two_commands():
    """The first code block of commands is the main job and the tests, executable."""
    block = re.search(r"```bash\n(.*?)```", README, re.DOTALL)[1]
    commands = [line.split("#")[0].strip() for line in block.splitlines()]

    assert commands == ["scripts/demo", "scripts/test"]
    for command in commands:
        assert (ROOT / command).stat().st_mode & 0o111


@pytest.mark.parametrize(
    "path",
    sorted(
        set(
            re.findall(
                r"\b(?:scripts|kube-config|notebooks|tests|gateway|serving|training)"
                r"/[\w./-]*\w",
                README,
            )
        )
    ),
)
def test_paths_exist(path):
    """Every path of ours that the README names is there."""
    assert (ROOT / path).exists()


def test_settings_table():
    """Every setting with its default, and none that does not exist."""
    rows = dict(re.findall(r"^\| `(GATEWAY_\w+)` \| `([^`]*)` \|", README, re.M))
    defaults = {}
    for field in fields(Settings):
        value = field.default
        text = ",".join(value) if isinstance(value, tuple) else f"{value:}"
        defaults[variable_name(field)] = text

    assert rows == defaults


def test_error_table():
    """Every error a client may see stands under its status."""
    text = (ROOT / "gateway/README.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| (\d{3}) \| (.*?) \|", text, re.M)
    listed = {
        (int(status), code)
        for status, codes in rows
        for code in re.findall(r"`(\w+)`", codes)
    }

    assert listed == {
        (kind.status.value, kind.code) for kind in GatewayError.__subclasses__()
    }


def test_no_machine_is_named():
    """No file of ours names a package registry or a folder of one machine."""
    registries = tuple(f"{name}.org" for name in ("pypi", "pythonhosted"))
    kinds = ("*.py", "*.md", "*.yaml", "*.toml", "Pipfile*", "*Dockerfile", "*.ipynb")
    skipped = {".venv", ".pipenv", ".git", ".cache", ".benchmark", "models", "datasets"}
    for kind in kinds:
        for path in ROOT.rglob(kind):
            if not skipped & set(path.relative_to(ROOT).parts):
                text = path.read_text(encoding="utf-8")
                assert not [name for name in registries if name in text], path


@pytest.mark.parametrize("package", ["gateway", "serving", "training"])
def test_modules(package):
    """A package's own README places each of its modules, and no other."""
    folder = ROOT / package
    text = (folder / "README.md").read_text(encoding="utf-8")
    patterns = set(re.findall(r"`(\w[\w*]*\.py)`", text))

    placed = {path.name for name in patterns for path in folder.glob(name)}

    assert placed == {path.name for path in folder.glob("*.py")} - {"__init__.py"}
    assert all(list(folder.glob(name)) for name in patterns)


def test_serving_flags():
    """Every flag that README names exists."""
    text = (ROOT / "serving/README.md").read_text(encoding="utf-8")
    flags = {field.name for field in fields(ServingSettings)} | {"help"}

    assert set(re.findall(r"--(\w+)", text)) <= flags
