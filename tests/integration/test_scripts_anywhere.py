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


def test_environment_without_python(tmp_path):
    """A stamp beside an interpreter that is gone does not pass for an environment."""
    (tmp_path / "scripts").mkdir()
    shutil.copy(ROOT / "scripts" / "setup", tmp_path / "scripts")
    (tmp_path / "Pipfile.lock").write_text("{}")
    for name in (".venv", ".pipenv"):
        (tmp_path / name / "bin").mkdir(parents=True)
    (tmp_path / ".venv/bin/python").symlink_to(tmp_path / "gone")
    (tmp_path / ".pipenv/bin/pipenv").symlink_to(shutil.which("true"))
    digest = hashlib.sha256(b"{}").hexdigest()
    (tmp_path / ".venv/installed.sha256").write_text(digest)

    done = subprocess.run(
        [tmp_path / "scripts" / "setup"],
        env={**os.environ, "PYTHON": "no-such-python"},
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 1
    assert "no-such-python is missing" in done.stderr
