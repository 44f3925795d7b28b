"""What is refused before work, and what is only said."""

import os
import shutil

import pytest

from training.checks import check_folds, check_split, photo_name
from training.datasets import load_split
from training.errors import UnfitData


@pytest.mark.parametrize(
    "counts, message",
    [
        ({"cat": 30}, "two or more classes.*found 1: cat"),
        ({"cat": 2, "dog": 1}, "at least 5 pictures of 'cat', found 2"),
        ({"cat": 30, "dog": 4}, "at least 5 pictures of 'dog', found 4"),
    ],
)
def test_unfit_folders(make_photos, tmp_path, counts, message):
    """One class, three pictures, or a class of four are refused with the rule."""
    split = load_split(str(make_photos(counts)), tmp_path)

    with pytest.raises(UnfitData, match=message):
        check_split(split)


def test_name_that_is_no_text(make_photos, tmp_path):
    """A class folder named in Latin-1 is refused before its name must be written."""
    label = os.fsdecode(b"caf\xe9")
    split = load_split(str(make_photos({label: 10, "tea": 10})), tmp_path)

    with pytest.raises(UnfitData, match="in UTF-8, found 'caf.*e9'"):
        check_split(split)


def test_part_without_class(make_photos, tmp_path):
    """A given test part that lacks a class cannot judge it."""
    make_photos({"cat": 10, "dog": 10}, "data/train")
    make_photos({"cat": 5}, "data/test", first_shade=100)
    split = load_split(str(tmp_path / "data"), tmp_path)

    with pytest.raises(UnfitData, match="test part has no picture of dog"):
        check_split(split)


def test_copies_across_given_parts(make_photos, tmp_path):
    """The same file in train and test is said."""
    make_photos({"cat": 10, "dog": 10}, "data/train")
    make_photos({"cat": 5, "dog": 5}, "data/test", first_shade=100)
    shutil.copy(tmp_path / "data/train/cat/0.png", tmp_path / "data/test/cat/x.png")
    split = load_split(str(tmp_path / "data"), tmp_path)

    findings = check_split(split)

    (copy,) = [finding for finding in findings if "in two parts" in finding]
    assert copy.splitlines() == [
        "files that stand in two parts of the given split: 1",
        "- train: cat/0.png = test: cat/x.png",
    ]


def test_two_labels_for_one_file(make_photos, tmp_path):
    """The same file under two labels is said."""
    folder = make_photos({"cat": 10, "dog": 10})
    shutil.copy(folder / "cat" / "0.png", folder / "dog" / "x.png")
    split = load_split(str(folder), tmp_path)

    findings = check_split(split)

    (copy,) = [finding for finding in findings if "different labels" in finding]
    assert copy.startswith("files that stand under two different labels: 1\n- ")
    assert "cat/0.png" in copy and "dog/x.png" in copy


def test_many_copies(make_photos, tmp_path):
    """Of many copies inside one part twenty are named, and the others counted."""
    make_photos({"cat": 25, "dog": 25}, "data/train")
    for number in range(25):
        photo = tmp_path / f"data/train/cat/{number}.png"
        shutil.copy(photo, photo.with_name(f"copy-{number}.png"))
    make_photos({"cat": 5, "dog": 5}, "data/validation", first_shade=100)
    make_photos({"cat": 5, "dog": 5}, "data/test", first_shade=120)
    split = load_split(str(tmp_path / "data"), tmp_path)

    findings = check_split(split)

    (copies,) = [finding for finding in findings if "twice in one part" in finding]
    first, *names, last = copies.splitlines()
    assert first == "files that stand twice in one part: 25"
    assert len(names) == 20
    assert last == "- and 5 more"


def test_small_parts(make_photos, tmp_path):
    """Few photos are said part by part, with what each number makes uncertain."""
    make_photos({"cat": 30, "dog": 19}, "data/train")
    make_photos({"cat": 25, "dog": 24}, "data/validation", first_shade=60)
    make_photos({"cat": 50, "dog": 49}, "data/test", first_shade=120)
    split = load_split(str(tmp_path / "data"), tmp_path)

    findings = check_split(split)

    test, validation, train = findings
    assert test.startswith("only 99 test pictures")
    assert validation.startswith("only 49 validation pictures")
    assert train == "fewer than 20 train pictures of dog"


def test_imbalance(make_photos, tmp_path):
    """Four times as many cats as dogs is said, with the ratio."""
    split = load_split(str(make_photos({"cat": 40, "dog": 10})), tmp_path)

    findings = check_split(split)

    # 10 dogs: 2 test, 1 validation leave 7 for train; 40 cats: 6 and 6 leave 28.
    assert any("'cat' has 4.0 times" in finding for finding in findings)


def test_clean_set_is_silent(make_photos, tmp_path):
    """Nothing is said about a balanced set with a large enough test part."""
    make_photos({"cat": 60, "dog": 60}, "data/train")
    make_photos({"cat": 25, "dog": 25}, "data/validation", first_shade=60)
    make_photos({"cat": 50, "dog": 50}, "data/test", first_shade=120)
    split = load_split(str(tmp_path / "data"), tmp_path)

    assert len(check_split(split)) == 0


def test_more_folds_than_pictures(make_photos, tmp_path):
    """Each fold needs a picture of each class; copies are one picture."""
    folder = make_photos({"cat": 30, "dog": 9})
    shutil.copy(folder / "dog" / "0.png", folder / "dog" / "copy.png")
    split = load_split(str(folder), tmp_path)

    check_folds(split, 9)

    with pytest.raises(UnfitData, match="--folds 10, found 9 of 'dog'"):
        check_folds(split, 10)


def test_file_name_that_is_no_text(make_photos, tmp_path):
    """A photo named in Latin-1 can be written into a report."""
    folder = make_photos({"cat": 5, "dog": 5})
    (folder / "cat" / "0.png").rename(folder / "cat" / os.fsdecode(b"caf\xe9.png"))
    split = load_split(str(folder), tmp_path)

    names = {photo_name(photo) for photo in split.photos}

    assert "cat/caf\ufffd.png" in names
