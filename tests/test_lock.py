"""Pipfile.lock: one version of everything, no address of where it came from."""

import json
from collections import defaultdict
from pathlib import Path

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
