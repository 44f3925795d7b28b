"""A canary's two files on this machine: replaced whole; errors are sentences."""

from __future__ import annotations

import pytest

from canary_config import CanaryFailed
from canary_places import LocalFiles


@pytest.fixture(name="files")
def _files(tmp_path):
    (tmp_path / "models.config").write_text("old")
    return LocalFiles(tmp_path / "models.config", tmp_path / "canary.json")


def test_replaced(files):
    """Whoever reads a file while it is written sees the old text or the new one."""
    with files.models_config.open(encoding="utf-8") as reader:
        files.write_models("new")

        assert reader.read() == "old"
    assert files.read_models() == "new"
    assert list(files.models_config.parent.iterdir()) == [files.models_config]


def test_no_shares_yet(files):
    """A gateway's file that is not there yet says nothing, and is made."""
    assert files.read_shares() == ""

    files.write_shares("{}")

    assert files.read_shares() == "{}"


@pytest.mark.parametrize("content", [None, b"\xff"], ids=["missing", "no text"])
def test_unreadable(files, content):
    """A models.config that cannot be read is named."""
    files.models_config.unlink()
    if content is not None:
        files.models_config.write_bytes(content)

    with pytest.raises(CanaryFailed, match="expected a text file at .*models.config"):
        files.read_models()


def test_no_folder(files):
    """A file without its folder cannot be written."""
    lost = LocalFiles(files.models_config / "a", files.models_config / "b")

    with pytest.raises(CanaryFailed, match="expected a folder to write to"):
        lost.write_shares("{}")
