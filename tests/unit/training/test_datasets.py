"""Folders and names become splits."""

import shutil
from collections import Counter
from pathlib import Path

import pytest

from training.datasets import load_split
from training.errors import UnfitData, UnknownData


def test_split_fractions(make_photos, tmp_path):
    """Class folders are cut 70/15/15 within each class."""
    folder = make_photos({"cat": 20, "dog": 40})

    split = load_split(str(folder), tmp_path)

    counts = {
        part: Counter(photo.label for photo in getattr(split, part))
        for part in ("train", "validation", "test")
    }
    assert split.labels == ("cat", "dog")
    assert counts == {
        "train": {"cat": 14, "dog": 28},
        "validation": {"cat": 3, "dog": 6},
        "test": {"cat": 3, "dog": 6},
    }
    assert not split.is_given


def test_split_ignores_names(make_photos, tmp_path):
    """The same photos under other file names fall into the same parts."""
    folder = make_photos({"cat": 20, "dog": 20})
    before = load_split(str(folder), tmp_path)
    for path in list(folder.glob("*/*.png")):
        path.rename(path.with_name(f"renamed-{100 - int(path.stem)}.png"))

    after = load_split(str(folder), tmp_path)

    assert {photo.digest for photo in after.test} == {
        photo.digest for photo in before.test
    }
    assert after.fingerprint == before.fingerprint


def test_twins_stay_together(make_photos, tmp_path):
    """Equal files never cross from one part into another."""
    folder = make_photos({"cat": 10, "dog": 10})
    for path in list(folder.glob("*/*.png")):
        for copy in range(2):
            shutil.copy(path, path.with_name(f"{path.stem}-copy{copy}.png"))

    split = load_split(str(folder), tmp_path)

    parts = [
        {photo.digest for photo in part}
        for part in (split.train, split.validation, split.test)
    ]
    assert sum(len(part) for part in parts) == len(set.union(*parts)) == 20


def test_twins_of_two_labels_stay_together(make_photos, tmp_path):
    """A file that stands under two labels is not learned from and judged by, too."""
    folder = make_photos({"cat": 20})
    shutil.copytree(folder / "cat", folder / "cut")
    for path in sorted((folder / "cut").iterdir())[10:]:
        path.unlink()

    split = load_split(str(folder), tmp_path)

    parts = [
        {photo.digest for photo in part}
        for part in (split.train, split.validation, split.test)
    ]
    assert sum(len(part) for part in parts) == len(set.union(*parts)) == 20


def test_given_split(make_photos, tmp_path):
    """train, validation and test folders are taken as they are."""
    make_photos({"cat": 6, "dog": 6}, "data/train")
    make_photos({"cat": 2, "dog": 2}, "data/valid", first_shade=100)
    make_photos({"cat": 3, "dog": 3}, "data/test", first_shade=200)

    split = load_split(str(tmp_path / "data"), tmp_path)

    assert split.is_given
    assert (len(split.train), len(split.validation), len(split.test)) == (12, 4, 6)


def test_given_split_without_test(make_photos, tmp_path):
    """A part the given split lacks is cut from train."""
    make_photos({"cat": 20, "dog": 20}, "data/train")
    make_photos({"cat": 4, "dog": 4}, "data/validation", first_shade=100)

    split = load_split(str(tmp_path / "data"), tmp_path)

    assert (len(split.train), len(split.validation), len(split.test)) == (34, 8, 6)


def test_fingerprint_sees_labels(make_photos, tmp_path):
    """A photo moved to another class changes the fingerprint."""
    folder = make_photos({"cat": 10, "dog": 10})
    before = load_split(str(folder), tmp_path).fingerprint
    (folder / "cat" / "0.png").rename(folder / "dog" / "moved.png")

    after = load_split(str(folder), tmp_path).fingerprint

    assert before != after


def test_file_the_disk_does_not_give(make_photos, tmp_path):
    """A file that cannot be read is named, without a traceback."""
    folder = make_photos({"cat": 5, "dog": 5})
    (folder / "cat" / "broken.jpg").symlink_to("/proc/self/mem")

    with pytest.raises(UnfitData, match="broken.jpg' cannot be read"):
        load_split(str(folder), tmp_path)


def test_ready_copy_comes_first(make_photos, tmp_path):
    """A named data set is read from the folder of ready copies."""
    make_photos({"cats": 5, "dogs": 5}, "ready/cats-vs-dogs")

    split = load_split("cats-vs-dogs", tmp_path / "ready")

    assert split.name == "cats-vs-dogs"
    assert split.labels == ("cats", "dogs")


def test_solar_cells_labels():
    """The set has the counts of its label file: 821 of 2,624 from 0.5 up."""
    split = load_split("solar-cells", datasets_dir=Path("no-such-folder"))

    counts = Counter(photo.label for photo in split.photos)

    assert counts == {"defective": 821, "functional": 1803}
    assert {photo.weight for photo in split.photos} == {1.0}


def test_solar_cells_weights():
    """As in the paper: 1,968 and 656 cells, the unsure ones defective and light."""
    split = load_split(
        "solar-cells-weighted", Path("no-such-folder"), test_fraction=0.25
    )

    weights = Counter((photo.label, round(photo.weight, 2)) for photo in split.photos)
    kinds = Counter(photo.kind for photo in split.test)

    assert weights == {
        ("functional", 1.0): 588 + 920,
        ("defective", 0.33): 117 + 178,
        ("defective", 0.67): 56 + 50,
        ("defective", 1.0): 313 + 402,
    }
    assert len(split.test) == 656
    # A quarter of each kind of the label file, to within one cell.
    assert kinds["mono 0.00"] == 588 / 4 and kinds["poly 0.00"] == 920 / 4
    assert kinds["mono 0.67"] == 56 / 4
    assert kinds["mono 0.33"] == 29 and kinds["mono 1.00"] == 78
    assert {kinds["poly 0.33"] - 44.5, kinds["poly 0.67"] - 12.5} <= {-0.5, 0.5}
    assert abs(kinds["poly 1.00"] - 100.5) == 0.5


def test_weights_of_a_folder(make_photos, tmp_path):
    """weights.csv makes single photos lighter, and the fingerprint another."""
    folder = make_photos({"cat": 10, "dog": 10})
    before = load_split(str(folder), tmp_path)
    (folder / "weights.csv").write_text("path,weight\ndog/3.png,0.5\n")

    split = load_split(str(folder), tmp_path)

    weights = {
        photo.path.name: photo.weight for photo in split.photos if photo.label == "dog"
    }
    assert weights.pop("3.png") == 0.5
    assert set(weights.values()) == {1.0}
    assert split.fingerprint != before.fingerprint


def test_weights_above_a_given_split(make_photos, tmp_path):
    """Where the parts are given, weights.csv lies beside them."""
    for part, shade in (("train", 0), ("test", 100)):
        make_photos({"cat": 10, "dog": 10}, f"photos/{part}", shade)
    (tmp_path / "photos" / "weights.csv").write_text("path,weight\ntest/cat/0.png,2\n")

    split = load_split(str(tmp_path / "photos"), tmp_path)

    assert [photo.weight for photo in split.test if photo.weight != 1] == [2.0]
    assert {photo.weight for photo in split.train + split.validation} == {1.0}


def test_unknown_name(tmp_path):
    """A name that is neither folder nor data set lists what there is."""
    with pytest.raises(UnknownData, match="solar-cells.*received 'pizzas'"):
        load_split("pizzas", tmp_path)


def test_no_name(tmp_path):
    """An empty name, as of a variable that is not set, is not the folder one is in."""
    with pytest.raises(UnknownData, match="received ''"):
        load_split("", tmp_path)
