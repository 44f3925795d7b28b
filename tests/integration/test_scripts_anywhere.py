"""The scripts, started as shells of all kinds start them."""

import hashlib
import os
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SCRIPTS = [
    path.relative_to(ROOT)
    for path in (*sorted((ROOT / "scripts").iterdir()), ROOT / ".ci" / "run")
    if path.is_file() and not path.suffix
]


@pytest.mark.parametrize("script", SCRIPTS, ids=str)
def test_search_path_for_folders(tmp_path, script):
    """CDPATH in the user's environment leads no script into another project."""
    head = []
    for line in (ROOT / script).read_text(encoding="utf-8").splitlines():
        head.append(line)
        if "cd " in line and not line.startswith("#"):
            break
    copy = tmp_path / "project" / script
    copy.parent.mkdir(parents=True)
    copy.write_text("\n".join([*head, 'echo "${root:-$PWD}"']), encoding="utf-8")
    (tmp_path / "other" / script.parent).mkdir(parents=True)

    where = subprocess.check_output(
        ["bash", str(script)],
        cwd=tmp_path / "project",
        env={**os.environ, "CDPATH": str(tmp_path / "other")},
        text=True,
    )

    assert where == f"{tmp_path / 'project'}\n"


@pytest.fixture(name="project")
def _project(tmp_path):
    """A folder whose environment is current, as far as scripts/setup looks."""
    (tmp_path / "scripts").mkdir()
    shutil.copy(ROOT / "scripts" / "setup", tmp_path / "scripts")
    (tmp_path / "Pipfile.lock").write_text("{}")
    for program in (".venv/bin/python", ".pipenv/bin/pipenv"):
        (tmp_path / program).parent.mkdir(parents=True)
        (tmp_path / program).symlink_to(shutil.which("true"))
    digest = hashlib.sha256(b"{}").hexdigest()
    (tmp_path / ".venv/installed.sha256").write_text(digest)
    packages = tmp_path / ".venv/lib/python3.11/site-packages"
    packages.mkdir(parents=True)
    (packages / "image-classifier.pth").write_text(f"{tmp_path}\n")
    return tmp_path


def set_up(project, python):
    """scripts/setup with another program as Python: its exit code and all it said."""
    done = subprocess.run(
        [project / "scripts" / "setup"],
        env={**os.environ, "PYTHON": str(python)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    return done.returncode, done.stdout


def write_python(path, said, *good):
    """A program that says its version, and fails but for calls that begin so."""
    cases = "".join(f'  "{call}"*) exit 0 ;;\n' for call in good)
    path.write_text(
        f'#!/bin/sh\ncase "$*" in\n  --version) echo {said}; exit 0 ;;\n{cases}esac\n'
        "echo no network\nexit 1\n",
        encoding="utf-8",
    )
    path.chmod(0o755)
    return path


def test_environment_without_python(project):
    """A stamp beside an interpreter that is gone does not pass for an environment."""
    (project / ".venv/bin/python").unlink()
    (project / ".venv/bin/python").symlink_to(project / "gone")

    code, said = set_up(project, "no-such-python")

    assert code == 1
    assert "no-such-python is missing" in said


def test_another_name_of_the_folder(project, tmp_path_factory):
    """A link to the folder is no other folder: nothing is installed again."""
    link = tmp_path_factory.mktemp("link") / "project"
    link.symlink_to(project)

    assert set_up(link, "no-such-python") == (0, "setup: .venv is current\n")


def test_other_python(project):
    """Another Python than the lock is for is refused before anything is installed."""
    (project / ".venv/installed.sha256").write_text("older")
    python = write_python(project / "python", "Python 3.12.1")

    code, said = set_up(project, python)

    assert code == 1
    assert f"expected Python 3.11, {python} is Python 3.12.1" in said


def test_moved(project, tmp_path_factory):
    """Programs of a folder that was moved are made again; a failure is a sentence."""
    moved = tmp_path_factory.mktemp("moved") / "new name"
    project.rename(moved)
    python = write_python(moved / "python", "Python 3.11.9", "-c ")

    code, said = set_up(moved, python)

    assert code == 1
    assert "no network\nsetup: pipenv could not be installed" in said
    assert not (moved / ".venv").exists()
