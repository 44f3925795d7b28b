"""Pipfile.lock: one version of everything, no address of where it came from."""

import json
import os
import shutil
import subprocess
from collections import defaultdict
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
LOCK = json.loads((ROOT / "Pipfile.lock").read_text(encoding="utf-8"))


def test_no_sources():
    """The default index is used; no machine's own index is written down."""
    assert LOCK["_meta"]["sources"] == []
    packages = [
        package
        for category, names in LOCK.items()
        if category != "_meta"
        for package in names.values()
    ]
    assert not [package for package in packages if "index" in package]
    assert all(package["hashes"] for package in packages)


def test_one_version_each():
    """Categories are resolved apart but installed together: they must agree."""
    versions = defaultdict(set)
    for category, packages in LOCK.items():
        if category != "_meta":
            for name, package in packages.items():
                versions[name].add(package["version"])

    assert len(versions) > 50
    assert not {name: found for name, found in versions.items() if len(found) > 1}


def test_gateway_has_no_tensorflow():
    """The gateway's image installs [packages] and [gateway]: small things only."""
    installed = set(LOCK["default"]) | set(LOCK["gateway"])

    assert not {"tensorflow", "keras", "tensorflow-serving-api"} & installed


@pytest.fixture(name="project")
def copy_project(tmp_path):
    """A folder with all that scripts/lock --check reads."""
    for name in ("Pipfile", "Pipfile.lock", "scripts/lock"):
        copy = tmp_path / name
        copy.parent.mkdir(exist_ok=True)
        shutil.copy(ROOT / name, copy)
    (tmp_path / ".pipenv").symlink_to(ROOT / ".pipenv")
    return tmp_path


def check_lock(project, home, **variables):
    """The exit code and the complaint of scripts/lock --check."""
    checked = subprocess.run(
        [project / "scripts/lock", "--check"],
        env={"HOME": str(home), "PATH": os.environ["PATH"]} | variables,
        capture_output=True,
        text=True,
        check=False,
    )
    return checked.returncode, checked.stderr


@pytest.mark.parametrize("variable", ["LANG", "PIP_INDEX_URL", "PIP_EXTRA_INDEX_URL"])
@pytest.mark.parametrize("setting", ["timeout = 9", "extra-index-url = file:///other"])
def test_checked_alike_everywhere(project, tmp_path, setting, variable):
    """The indexes that a machine's pip is told of are not part of the lock."""
    settings = tmp_path / "home/.config/pip/pip.conf"
    settings.parent.mkdir(parents=True)
    settings.write_text(f"[global]\n{setting}\n", encoding="utf-8")

    checked = check_lock(project, tmp_path / "home", **{variable: "file:///another"})
    assert checked == (0, "")


def test_stale_lock(project, tmp_path):
    """A Pipfile that was changed after its lock is noticed."""
    pipfile = project / "Pipfile"
    text = pipfile.read_text(encoding="utf-8")
    pipfile.write_text(text.replace("[gateway]", '[gateway]\nsix = "*"'), "utf-8")

    checked = check_lock(project, tmp_path)
    assert checked == (1, "Pipfile.lock is stale: run scripts/lock\n")
