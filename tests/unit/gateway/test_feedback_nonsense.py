"""What cannot be believed does not get into a data set, and is counted."""

from __future__ import annotations

import hashlib

import pytest

from tests.unit.gateway.corrections import KeptData, log_line, name_of


@pytest.fixture(name="kept")
def _kept(client, tmp_path):
    return KeptData(client, tmp_path)


@pytest.mark.parametrize(
    "written, reason",
    [
        (
            log_line(request_id="id-1", index=0, feedback="banana"),
            "label that is not known",
        ),
        (
            log_line(request_id="id-1", index=0, feedback="../.."),
            "label that is not known",
        ),
        (
            log_line(request_id="id-1", index=0, feedback=["red"]),
            "label that is not known",
        ),
        (
            log_line(request_id="id-1", index=0, feedback=None),
            "label that is not known",
        ),
        (log_line(request_id={}, index=0, feedback="red"), "label that is not known"),
        (log_line(request_id="id-9", index=0, feedback="red"), "that is in no log"),
        (log_line(request_id="id-1", index=1, feedback="red"), "that is in no log"),
        (
            log_line(request_id="id-1", index=0, feedback="red", model="second"),
            "another model",
        ),
        (log_line(request_id="id-1", index=0, feedback="red")[:40], "cannot be read"),
    ],
)
def test_nonsense(kept, red, capsys, written, reason):
    """What cannot be believed is counted with its reason, and nothing is written."""
    kept.predict(red, "id-1")
    with open(kept.folder / "log", "a", encoding="utf-8") as file:
        file.write(written)

    assert kept.export() == 1

    assert reason in capsys.readouterr().out
    assert not (kept.folder / "set").exists()


@pytest.mark.parametrize("damage", ["missing", "other", "no-picture"])
def test_bad_photo(kept, red, encode_picture, capsys, damage):
    """A photo that is gone, or is not what was predicted, is left out and counted."""
    good = encode_picture()
    kept.predict(red, "id-1")
    kept.predict(good, "id-2")
    kept.correct("id-1", "green")
    kept.correct("id-2", "green")
    digest = hashlib.sha256(red).hexdigest()
    photo = kept.folder / "photos" / digest[:2] / digest
    if damage == "missing":
        photo.unlink()
    else:
        photo.write_bytes(good if damage == "other" else b"text")

    assert kept.export() == 0

    assert list(kept.exported().values()) == [good]
    assert "1 skipped: photo that is missing" in capsys.readouterr().out


def test_hash_is_no_path(kept, capsys):
    """A hash that leads elsewhere copies nothing from there."""
    (kept.folder / "log").write_text(
        log_line(request_id="a", index=0, model="tiny", sha256="../../../etc/passwd")
        + log_line(request_id="a", index=0, feedback="red"),
        encoding="utf-8",
    )

    assert kept.export() == 1
    assert "missing or damaged" in capsys.readouterr().out


@pytest.mark.parametrize(
    "labels", ["a/b,c", "..,c", ".hidden,c", "a,,b", "", "a\nb,c", "x" * 256 + ",c"]
)
def test_labels_that_are_no_folders(kept, red, capsys, labels):
    """A label that cannot name a folder stops the program before it writes."""
    kept.predict(red, "id-1")

    assert kept.export("--labels", labels) == 2

    assert "expected labels that can name a folder" in capsys.readouterr().err
    assert not (kept.folder / "set").exists()


def test_bad_use(kept, red, capsys):
    """Output that exists, a log and a contract that do not: a sentence each."""
    kept.predict(red, "id-1")
    kept.correct("id-1", "green")

    codes = [
        kept.export(logs=("nothing",)),
        kept.export("--contract", str(kept.folder / "nothing")),
        kept.export(),
        kept.export(),
    ]

    assert codes == [2, 2, 0, 2]
    sentences = capsys.readouterr().err.splitlines()
    assert len(sentences) == 3
    assert all(text.startswith("feedback_export: ") for text in sentences)


def test_after_interruption(kept, red):
    """What an interrupted run left aside does not reach the data set."""
    kept.predict(red, "id-1")
    kept.correct("id-1", "green")
    left = kept.folder / ".set.part" / "red"
    left.mkdir(parents=True)
    (left / "half.jpg").touch()

    assert kept.export() == 0

    assert list(kept.exported()) == [f"green/{name_of(red, '.png')}"]
    assert not (kept.folder / ".set.part").exists()
