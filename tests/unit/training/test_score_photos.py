"""Which files are scored, and in which order."""

import os
from pathlib import Path

import pytest

from training.errors import UnfitData
from training.score_photos import digest_photos, list_photos


@pytest.fixture(name="tree")
def _tree(tmp_path, monkeypatch):
    """Files of every kind below the working folder; nothing opens them."""
    names = (
        "shots/b.JPG",
        "shots/a.png",
        "shots/notes.txt",
        "shots/.hidden.jpg",
        "shots/__MACOSX/c.jpg",
        "shots/deep/er/d.tiff",
        "alone.bin",
        "words/read.me",
    )
    for name in names:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(b"")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_order(tree):
    """Arguments in their order, folders sorted, named files whatever their suffix."""
    photos = list_photos(["alone.bin", "shots"], None)

    below = ["shots/a.png", "shots/b.JPG", "shots/deep/er/d.tiff"]
    assert list(photos) == ["alone.bin", *below]
    assert tree.is_dir()


def test_list_file(tree):
    """A list adds its lines: any line end, folders too, and what does not exist."""
    lines = b"gone.jpg\r\n\nshots/deep\nwith space.jpg\nbad\xff.jpg"
    (tree / "list.txt").write_bytes(lines)

    photos = list_photos(["alone.bin"], tree / "list.txt")

    assert list(photos) == [
        "alone.bin",
        "gone.jpg",
        "shots/deep/er/d.tiff",
        "with space.jpg",
        os.fsdecode(b"bad\xff.jpg"),
    ]


@pytest.mark.parametrize(
    "arguments, list_name, sentence",
    [
        (["shots", "shotz", "gone.jpg"], None, "no such file or folder: shotz, gone"),
        (["words"], None, r"no pictures \(.bmp.*in 'words'"),
        ([], None, "received none"),
        ([], "gone.txt", "the list 'gone.txt' cannot be read: No such file"),
        ([], "shots", "the list 'shots' cannot be read: Is a directory"),
        ([], "alone.bin", "received none"),
    ],
)
@pytest.mark.usefixtures("tree")
def test_refused(arguments, list_name, sentence):
    """A slip in a name stops the run before any work."""
    with pytest.raises(UnfitData, match=sentence):
        list_photos(arguments, list_name and Path(list_name))


def test_digest(tree, monkeypatch):
    """Another path, order or meaning of a relative path is another list."""
    here = digest_photos(["a", "b"])
    others = [digest_photos(names) for names in (["b", "a"], ["a"], ["ab"], ["a", "c"])]
    absolute = digest_photos([f"{tree}/a"])
    monkeypatch.chdir(tree / "shots")

    assert len({here, *others, digest_photos(["a", "b"])}) == 6
    assert digest_photos([f"{tree}/a"]) == absolute
