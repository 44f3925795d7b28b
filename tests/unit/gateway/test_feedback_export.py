"""Logs, photos and corrections become a folder per class."""

from __future__ import annotations

import gzip

import pytest

from tests.tiny_model import tiny_contract
from tests.unit.gateway.corrections import KeptData, name_of
from tests.unit.gateway.sending import send_form


@pytest.fixture(name="kept")
def _kept(client, tmp_path):
    return KeptData(client, tmp_path)


def test_data_set(kept, red, encode_picture, capsys):
    """Corrected photos lie in their class, byte for byte; the others stay out."""
    drawn, unsaid = encode_picture("RGB", "JPEG"), encode_picture("L", "PNG")
    kept.predict(red, "id-1")
    kept.predict(drawn, "id-2")
    kept.predict(unsaid, "id-3")
    kept.correct("id-1", "green")
    kept.correct("id-2", "blue", model="tiny")

    assert kept.export() == 0

    assert kept.exported() == {
        f"green/{name_of(red, '.png')}": red,
        f"blue/{name_of(drawn, '.jpg')}": drawn,
    }
    assert capsys.readouterr().out.split() == ["0", "red", "1", "green", "1", "blue"]


@pytest.mark.parametrize(
    "file_format, suffix",
    [
        ("JPEG", ".jpg"),
        ("PNG", ".png"),
        ("WEBP", ".webp"),
        ("GIF", ".gif"),
        ("BMP", ".bmp"),
        ("TIFF", ".tiff"),
    ],
)
def test_formats(kept, encode_picture, file_format, suffix):
    """Each format that is predicted has the ending that training looks for."""
    photo = encode_picture("RGB", file_format)
    kept.predict(photo, "id-1")
    kept.correct("id-1", "red")

    assert kept.export() == 0

    assert list(kept.exported()) == [f"red/{name_of(photo, suffix)}"]


def test_last_word(kept, red):
    """Of two opinions on a photo the later one counts, whichever request it names."""
    kept.predict(red, "id-1")
    kept.predict(red, "id-2")
    kept.correct("id-2", "green")
    kept.correct("id-1", "blue")

    kept.export()

    assert list(kept.exported()) == [f"blue/{name_of(red, '.png')}"]


def test_batch(kept, red, encode_picture):
    """In a batch the index says which picture is meant."""
    second = encode_picture()
    reply = send_form(kept.web, red, second)
    kept.correct(reply.json["request_id"], "blue", index=1)

    kept.export()

    assert list(kept.exported()) == [f"blue/{name_of(second, '.jpg')}"]


def test_rotated(kept, red):
    """A correction finds its photo in an older log, a packed one too."""
    kept.predict(red, "id-1")
    packed = gzip.compress((kept.folder / "log").read_bytes())
    (kept.folder / "log.1.gz").write_bytes(packed)
    (kept.folder / "log").unlink()
    kept.correct("id-1", "green")

    assert kept.export(logs=("log.1.gz", "log")) == 0
    assert list(kept.exported()) == [f"green/{name_of(red, '.png')}"]


def test_contract(kept, red):
    """The labels may be those of a model's contract."""
    contract = kept.folder / "contract.json"
    contract.write_text(tiny_contract().to_json(), encoding="utf-8")
    kept.predict(red, "id-1")
    kept.correct("id-1", "green")

    assert kept.export("--contract", str(contract)) == 0
    assert len(kept.exported()) == 1
