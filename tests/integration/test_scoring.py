"""Batch scoring with a model whose scores can be worked out by hand."""

import csv
import os

import numpy as np
import pyarrow.parquet as pq
import pytest

from gateway.image import decode_image
from tests.integration.scoring_process import draw_photos, score
from tests.tiny_model import LABELS, tiny_contract, write_tiny_model
from training.exported_model import ExportedModel
from training.scoring import BATCH_SIZE, score_locally

SIZE = (8, 10)


@pytest.fixture(name="model", scope="module")
def _model(tmp_path_factory):
    """models/tiny with the versions 2 and 10."""
    base_path = tmp_path_factory.mktemp("models") / "tiny"
    for version in (2, 10):
        write_tiny_model(base_path, version)
    return base_path


@pytest.fixture(name="photos", scope="module")
def _photos(tmp_path_factory):
    return draw_photos(tmp_path_factory.mktemp("photos"))


def work_out(path):
    """The scores of the tiny model: softmax of the mean of each channel / 255."""
    means = decode_image(path.read_bytes(), SIZE).mean(axis=(0, 1)) / 255
    return np.exp(means) / np.exp(means).sum()


def test_rows(model, photos, tmp_path):
    """Each photo has its row, in order, with the scores worked out by hand."""
    output = tmp_path / "scores.csv"

    assert score("--model", model, photos, "--output", output) == 0

    with output.open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    paths = sorted(photos.glob("*.png"))
    assert [row["path"] for row in rows] == [str(path) for path in paths]
    for row, path in zip(rows, paths):
        expected = work_out(path)
        found = [float(row[f"score_{label}"]) for label in LABELS]
        np.testing.assert_allclose(found, expected, atol=1e-6)
        assert row["label"] == LABELS[expected.argmax()]
        assert row["score"] == row[f"score_{row['label']}"]
        assert (row["model"], row["version"], row["error"]) == ("tiny", "10", "")


BAD_FILES = {
    "cut.png": "damaged or cut short",
    "empty.jpg": "received 0 bytes",
    "words.jpg": "of something else",
    "pipe.jpg": "expected a file",
    "gone.jpg": "no such file",
    "nul\0.jpg": "no such file",
}


def list_bad_files(folder, good):
    """A list of the bad files between two good ones; pipe.jpg would never end."""
    (folder / "cut.png").write_bytes(good[0].read_bytes()[:5000])
    (folder / "empty.jpg").write_bytes(b"")
    (folder / "words.jpg").write_bytes(b"these are words")
    os.mkfifo(folder / "pipe.jpg")
    names = [good[0], *(folder / name for name in BAD_FILES), good[1]]
    (folder / "list.txt").write_bytes(b"\n".join(map(os.fsencode, names)))
    return folder / "list.txt"


def test_bad_files(model, photos, tmp_path, capsys):
    """A file that is no picture has a row that says why; the others are untouched."""
    good = sorted(photos.glob("*.png"))[:2]
    listed = list_bad_files(tmp_path, good)
    output = tmp_path / "scores.parquet"

    assert score("--model", model / "2", "--list", listed, "--output", output) == 0

    first, *bad, last = pq.read_table(output).to_pylist()
    for row, rule in zip(bad, BAD_FILES.values(), strict=True):
        assert rule in row["error"]
        assert {row[name] for name in ("label", "score", "score_red")} == {None}
    for row, path in ((first, good[0]), (last, good[1])):
        found = [row[f"score_{label}"] for label in LABELS]
        np.testing.assert_allclose(found, work_out(path), atol=1e-6)
        assert row["error"] is None
    said = capsys.readouterr().err
    assert f"- {tmp_path}/gone.jpg: no such file\n" in said
    assert "6 of 8 photos have no scores" in said


def test_name_of_any_bytes(model, photos, tmp_path):
    """A name that is not UTF-8 is read as it is and written with its byte spelt out."""
    good = min(photos.glob("*.png"))
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "a\udcff.png").write_bytes(good.read_bytes())
    output = tmp_path / "scores.parquet"

    assert score("--model", model, tmp_path / "in", "--output", output) == 0

    (row,) = pq.read_table(output).to_pylist()
    assert row["path"] == f"{tmp_path}/in/a\\xff.png"
    assert row["score"] == pytest.approx(work_out(good).max(), abs=1e-6)


def test_complete(model, photos, tmp_path, capsys):
    """A finished output is left alone, other photos are refused, --restart obeys."""
    output = tmp_path / "scores.csv"
    first = ("--model", model / "2", photos, "--output", output)
    assert score(*first) == 0
    before = output.read_bytes()
    capsys.readouterr()

    assert score(*first) == 0
    assert "is complete" in capsys.readouterr().out
    assert score("--model", model, photos, "--output", output) == 1
    assert "another version (there 2, now 10)" in capsys.readouterr().err
    assert output.read_bytes() == before
    assert score("--model", model, photos, "--output", output, "--restart") == 0
    assert output.read_bytes() == before.replace(b',"tiny",2,', b',"tiny",10,')


class CountedPaths:
    """A long list of paths that remembers how far it was read."""

    def __init__(self, path, count):
        self.path, self.count, self.read = path, count, 0

    def __len__(self):
        return self.count

    def __getitem__(self, chosen):
        self.read = max(self.read, chosen.stop)
        return [self.path] * len(range(self.count)[chosen])


def test_window(model, photos):
    """Of a million paths only a window is under way, however slow the reader is."""
    paths = CountedPaths(str(photos / "00.png"), 1_000_000)
    rows = score_locally(ExportedModel(model / "2", threads=2), paths, workers=2)

    first = next(rows)
    second = next(rows)
    rows.close()

    assert len(first) == len(second) == BATCH_SIZE
    assert paths.read <= 6 * BATCH_SIZE


@pytest.mark.parametrize(
    "broken, sentence",
    [
        ("", "found none in"),
        ("new", "found none in"),
        ("1", "cannot be loaded"),
    ],
)
def test_broken_model(photos, tmp_path, capsys, broken, sentence):
    """A folder that is no version, or holds a broken graph, is a sentence."""
    model, output = tmp_path / "tiny", tmp_path / "scores.csv"
    (model / broken).mkdir(parents=True)
    if broken:
        (model / broken / "saved_model.pb").write_bytes(b"\x0a\xff")

    assert score("--model", model, photos, "--output", output) == 1

    assert sentence in capsys.readouterr().err
    assert not output.exists()


def test_other_resize_rule(photos, tmp_path, capsys):
    """A model that learned from other pixels is refused."""
    contract = tiny_contract()
    image = type(contract.image)(height=8, width=10, resize="crop")
    contract = type(contract)(**{**vars(contract), "image": image})
    write_tiny_model(tmp_path / "models" / "tiny", 1, contract)

    model = tmp_path / "models" / "tiny"
    assert score("--model", model, photos, "--output", tmp_path / "s.csv") == 1

    assert "expected the resize rule" in capsys.readouterr().err
