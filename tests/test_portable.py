"""What only Linux has is not taken for granted: students have other laptops."""

from __future__ import annotations

import hashlib
import re
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
# Source: Python's documentation of os and select, "Availability".
LINUX_ONLY = ("sched_getaffinity", "sched_setaffinity", "memfd_create", "splice")
# GNU programs and options that macOS' own tools lack.
GNU_ONLY = re.compile(
    r"\b(?:nproc|tac|realpath|readlink -f|sed -i |date -d|stat -c|grep -P|xargs -r|"
    r"sort -V)|(?<!-)\btimeout \d|\bhead -n -|\b(?:cp|mv) -T"
)
# Bash 3.2, which macOS has, knows none of these.
NEW_BASH = re.compile(
    r"\b(?:mapfile|readarray|declare -A|local -n)\b|\$\{\w+(?:,,|\^\^|@Q)"
)


def shell_scripts():
    """The files of scripts/ that bash runs."""
    return [
        path
        for path in sorted((ROOT / "scripts").iterdir())
        if path.is_file() and path.read_bytes().startswith(b"#!/usr/bin/env bash")
    ]


@pytest.mark.parametrize("package", ["gateway", "serving", "training", "scripts"])
def test_calls_that_only_linux_has(package):
    """A module that calls one of them asks before whether it is there."""
    for path in (ROOT / package).rglob("*.py"):
        text = path.read_text(encoding="utf-8")
        for name in LINUX_ONLY:
            if re.search(rf"\bos\.{name}\(", text):
                assert f'hasattr(os, "{name}")' in text, f"{path}: os.{name}"


@pytest.mark.parametrize("path", shell_scripts(), ids=lambda path: path.name)
def test_scripts(path):
    """Scripts need no GNU option, and no bash newer than macOS has."""
    text = path.read_text(encoding="utf-8")

    assert not GNU_ONLY.search(text)
    assert not NEW_BASH.search(text)
    # An empty array is an error under "set -u" before bash 4.4, but for this spelling.
    for name in re.findall(r'(\w+)=\((?:\)|"\$\{@)', text):
        spelled = f'${{{name}[@]+"${{{name}[@]}}"}}'
        assert f'"${{{name}[@]}}"' not in text.replace(spelled, ""), name


def test_setup_without_sha256sum(tmp_path):
    """Where there is no sha256sum scripts/setup takes the program that macOS has."""
    (tmp_path / "scripts").mkdir()
    for name in ("scripts/setup", "Pipfile.lock"):
        shutil.copy(ROOT / name, tmp_path / name)
    digest = hashlib.sha256((ROOT / "Pipfile.lock").read_bytes()).hexdigest()
    (tmp_path / ".venv/lib/python3.11/site-packages").mkdir(parents=True)
    (tmp_path / ".venv/installed.sha256").write_text(digest, encoding="utf-8")
    tools = tmp_path / "tools"
    programs = (
        tools / "shasum",
        tmp_path / ".pipenv/bin/pipenv",
        tmp_path / ".venv/bin/python",
    )
    for path in programs:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"#!/bin/bash\necho {digest} '' $3\n", encoding="utf-8")
        path.chmod(0o755)
    for name in ("bash", "dirname", "cut", "cat"):
        (tools / name).symlink_to(shutil.which(name))

    done = subprocess.run(
        [str(tmp_path / "scripts/setup")],
        env={"PATH": str(tools)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    assert done.returncode == 0, done.stderr
    assert done.stdout == "setup: .venv is current\n"
