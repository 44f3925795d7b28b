"""Rows on disk: whole parts, one file in the end, never two runs in one."""

import csv
import json

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from training.errors import ScoringRefused
from training.score_output import RunFacts, open_output

FACTS = RunFacts(model="m", version=1, model_digest="ab", photos=6, photos_digest="cd")
PATHS = ["plain.jpg", 'comma, "quote"', "two\nlines.jpg", "ümlaut.jpg", "e.jpg", "f"]
SUFFIXES = pytest.mark.parametrize("suffix", ["csv", "parquet"])


def rows(start, end):
    """Some of six rows; the fifth has an error. Every float32 has many digits."""
    noise = np.random.default_rng(4).random(6).astype(np.float32) ** 9
    is_bad = np.arange(6) == 4
    table = pa.table(
        {
            "path": PATHS,
            "score": pa.array(noise, mask=is_bad),
            "version": pa.array([1] * 6, pa.int64()),
            "error": pa.array([None] * 4 + ["cut, short", None], pa.string()),
        }
    )
    return table.slice(start, end - start)


def write(path, *cuts):
    """One run that ends a part at each of the cuts; finished at 6."""
    with open_output(path, FACTS, False) as output:
        for end in cuts:
            output.append(rows(output.done, end))
            output.flush()
        if output.done == 6:
            output.finish()


@SUFFIXES
def test_same_file(tmp_path, suffix):
    """However the rows were cut and the run interrupted, the file is the same."""
    whole, cut = tmp_path / f"whole.{suffix}", tmp_path / f"cut.{suffix}"

    write(whole, 6)
    write(cut, 1)
    write(cut, 2, 5)
    write(cut, 6)

    assert cut.read_bytes() == whole.read_bytes()
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        f"cut.{suffix}",
        f"cut.{suffix}.run.json",
        f"whole.{suffix}",
        f"whole.{suffix}.run.json",
    ]


def test_csv_reads_back(tmp_path):
    """Python's own reader gets every path and the very float32 of every score."""
    write(tmp_path / "scores.csv", 2, 6)

    with (tmp_path / "scores.csv").open(newline="", encoding="utf-8") as file:
        found = list(csv.DictReader(file))

    expected = rows(0, 6).to_pydict()
    assert [row["path"] for row in found] == PATHS
    assert [row["error"] for row in found] == ["", "", "", "", "cut, short", ""]
    for row, score in zip(found, expected["score"]):
        assert (
            row["score"] == "" if score is None else np.float32(row["score"]) == score
        )


def test_parquet_reads_back(tmp_path):
    """Types, nulls and values are those that were written."""
    write(tmp_path / "scores.parquet", 1, 3, 6)

    assert pq.read_table(tmp_path / "scores.parquet").equals(rows(0, 6))


@SUFFIXES
def test_errors_are_listed(tmp_path, suffix):
    """The summary comes from the file, so a run that went on knows all of them."""
    path = tmp_path / f"scores.{suffix}"
    write(path, 5)
    write(path, 6)

    with open_output(path, FACTS, False) as output:
        assert output.is_complete
        assert list(output.list_errors()) == [("e.jpg", "cut, short")]


def test_killed_while_writing(tmp_path):
    """What was being written when the run died, or lies behind a gap, is not used."""
    path = tmp_path / "scores.csv"
    write(path, 2, 3, 5)
    parts = sorted((tmp_path / "scores.csv.parts").iterdir())
    parts[1].unlink()
    (tmp_path / "scores.csv.parts" / ".x.csv.writing").write_text('"half')

    with open_output(path, FACTS, False) as output:
        assert output.done == 2
        assert list((tmp_path / "scores.csv.parts").iterdir()) == parts[:1]


def test_parts_are_the_file_so_far(tmp_path):
    """The parts of a CSV, one after the other, are a CSV of whole rows."""
    write(tmp_path / "part.csv", 1, 4)
    parts = sorted((tmp_path / "part.csv.parts").iterdir())
    write(tmp_path / "whole.csv", 6)

    joined = b"".join(part.read_bytes() for part in parts)

    assert (tmp_path / "whole.csv").read_bytes().startswith(joined)
    assert joined.decode().splitlines()[0] == '"path","score","version","error"'


@pytest.mark.parametrize(
    "name, value, sentence",
    [
        ("model", "n", "another model .there m, now n."),
        ("version", 2, "another version .there 1, now 2."),
        ("model_digest", "xy", "other model files"),
        ("photos", 7, "another number of photos"),
        ("photos_digest", "xy", "another list of photos"),
    ],
)
@pytest.mark.parametrize("cuts", [(4,), (6,)])
def test_other_run(tmp_path, name, value, sentence, cuts):
    """Rows of other photos or another model are refused, finished or not."""
    path = tmp_path / "scores.csv"
    write(path, *cuts)
    before = {p: p.read_bytes() for p in tmp_path.rglob("*.*") if p.is_file()}
    facts = RunFacts(**{**vars(FACTS), name: value})

    with pytest.raises(ScoringRefused, match=f"{sentence}.*--restart"):
        with open_output(path, facts, False):
            pass

    after = {p: p.read_bytes() for p in tmp_path.rglob("*.*") if p.is_file()}
    assert after == before


@pytest.mark.parametrize("cuts", [(4,), (6,)])
def test_restart(tmp_path, cuts):
    """--restart starts from nothing and says from then on what the rows are of."""
    path = tmp_path / "scores.csv"
    write(path, *cuts)
    facts = RunFacts(**{**vars(FACTS), "version": 2})

    with open_output(path, facts, True) as output:
        assert (output.done, output.is_complete) == (0, False)

    known = json.loads((tmp_path / "scores.csv.run.json").read_text(encoding="utf-8"))
    assert known == vars(facts)
    assert not path.exists()


def test_foreign_file(tmp_path):
    """A file that no run of ours wrote is not replaced unasked."""
    path = tmp_path / "scores.csv"
    path.write_text("mine")

    with pytest.raises(ScoringRefused, match="is there already"):
        write(path, 6)

    assert [entry.name for entry in tmp_path.iterdir()] == ["scores.csv"]
    assert path.read_text() == "mine"


def test_unreadable_facts(tmp_path):
    """Rows whose facts were lost are rows of another run."""
    path = tmp_path / "scores.csv"
    write(path, 4)
    (tmp_path / "scores.csv.run.json").write_text("[")

    with pytest.raises(ScoringRefused, match="another model .there unknown, now m"):
        write(path, 6)


def test_two_runs_at_once(tmp_path):
    """The second of two runs is refused; the first goes on."""
    path = tmp_path / "scores.csv"

    with open_output(path, FACTS, False) as output:
        with pytest.raises(ScoringRefused, match="another run is writing"):
            write(path, 6)
        output.append(rows(0, 6))
        output.finish()

    assert path.exists()


def test_no_place(tmp_path):
    """A folder in the way or above is a sentence."""
    (tmp_path / "folder.csv").mkdir()
    (tmp_path / "file").write_text("")

    with pytest.raises(ScoringRefused, match="is a folder"):
        write(tmp_path / "folder.csv", 6)
    with pytest.raises(ScoringRefused, match="could not write .*file"):
        write(tmp_path / "file" / "scores.csv", 6)
