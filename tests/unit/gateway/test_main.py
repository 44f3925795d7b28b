"""python -m gateway before it serves: what cannot be used ends it with a sentence."""

from __future__ import annotations

import tempfile

from gateway.__main__ import main


def test_no_place_to_count(tmp_path, monkeypatch, capsys):
    """Several workers need a folder to count in; without one they do not begin."""
    (tmp_path / "file").write_text("")
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "file"))
    monkeypatch.setenv("GATEWAY_WORKERS", "2")

    assert main() == 2

    assert "these settings cannot be used" in capsys.readouterr().err
