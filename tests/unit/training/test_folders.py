"""Which files below a folder are photos, of which class and part."""

import shutil

import pytest

from training.datasets import load_split
from training.errors import UnfitData


def test_given_split_in_capitals(make_photos, tmp_path):
    """Train and TEST are parts of a split and not two classes."""
    make_photos({"cat": 20, "dog": 20}, "data/Train")
    make_photos({"cat": 3, "dog": 3}, "data/TEST", first_shade=200)

    split = load_split(str(tmp_path / "data"), tmp_path)

    assert split.is_given
    assert split.labels == ("cat", "dog")
    assert (len(split.train), len(split.validation), len(split.test)) == (34, 6, 6)


def test_classes_named_like_parts(make_photos, tmp_path):
    """Pictures right inside train and test make them classes."""
    folder = make_photos({"train": 10, "test": 10, "tram": 10})

    split = load_split(str(folder), tmp_path)

    assert split.labels == ("test", "train", "tram")
    assert not split.is_given


def test_only_parts(make_photos, tmp_path):
    """Pictures without class folders in train and test are no classes of that name."""
    folder = make_photos({"Train": 10, "test": 10, "val": 10})

    with pytest.raises(UnfitData, match="right inside Train, test, val"):
        load_split(str(folder), tmp_path)


def test_train_alone(make_photos, tmp_path):
    """A train folder that stands alone is split like class folders."""
    make_photos({"cat": 20, "dog": 20}, "data/train")
    (tmp_path / "data" / ".cache").mkdir()

    split = load_split(str(tmp_path / "data"), tmp_path)

    assert not split.is_given
    assert split.labels == ("cat", "dog")
    assert (len(split.train), len(split.validation), len(split.test)) == (28, 6, 6)


def test_other_files_are_left_out(make_photos, tmp_path):
    """Notes, hidden folders and a Mac's archive litter are no photos."""
    folder = make_photos({"cat": 5, "dog": 5})
    (folder / "cat" / "notes.txt").write_text("shot in May")
    for litter in (".thumbnails", "__MACOSX"):
        (folder / litter).mkdir()
        shutil.copy(folder / "cat" / "0.png", folder / litter / "0.png")

    split = load_split(str(folder), tmp_path)

    assert split.labels == ("cat", "dog")
    assert len(split.photos) == 10
    (sentence,) = split.left_out
    assert sentence.endswith(
        "no pictures (.bmp, .gif, .jpeg, .jpg, .png, .tif, .tiff, .webp): 1 .txt"
    )


def test_photos_that_are_not_taken(make_photos, tmp_path):
    """Phone photos in another format and empty classes are said, part by part."""
    for part, shade in (("train", 0), ("test", 100)):
        folder = make_photos({"cat": 10, "dog": 10}, f"data/{part}", shade)
    (folder / "cat" / "Thumbs.db").touch()
    for name in ("a.HEIC", "b.heic", "c"):
        (folder / "dog" / name).touch()
    (folder / "birds").mkdir()

    split = load_split(str(tmp_path / "data"), tmp_path)

    kinds, classes = split.left_out
    assert kinds.startswith("test: left out")
    assert kinds.endswith(": 2 .heic, 1 without suffix")
    assert classes == "test: folders without a picture are no classes: birds"


def test_folder_without_classes(tmp_path):
    """Pictures must lie in class folders."""
    with pytest.raises(UnfitData, match="one folder per class"):
        load_split(str(tmp_path), tmp_path)


def test_pictures_outside_of_folders(make_photos, tmp_path):
    """Photos that lie directly in the folder are counted, so that one sees why."""
    folder = make_photos({"cat": 3}) / "cat"

    with pytest.raises(UnfitData, match="found 3 pictures outside of any"):
        load_split(str(folder), tmp_path)
