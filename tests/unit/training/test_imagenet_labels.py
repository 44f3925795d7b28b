"""ImageNet's names: a thousand different ones, or a sentence."""

import json

import pytest

from training.errors import UnknownLabels
from training.imagenet_labels import load_imagenet_labels


def write_index(path, **changes):
    """Keras' class index with made-up names; changes replace entries, None removes."""
    index = {str(n): [f"n{n:08}", f"class_{n}"] for n in range(1000)}
    index |= {number.removeprefix("_"): entry for number, entry in changes.items()}
    path.parent.mkdir(exist_ok=True)
    kept = {number: entry for number, entry in index.items() if entry is not None}
    path.write_text(json.dumps(kept))
    return path


def test_ready_copy_and_file(tmp_path):
    """A copy beside the data sets is found; a file that was named goes before it."""
    write_index(tmp_path / "keras-weights" / "imagenet_class_index.json")
    named = write_index(tmp_path / "named.json", _7=["n1", "cock"])

    found = load_imagenet_labels(None, tmp_path)
    given = load_imagenet_labels(named, tmp_path)

    assert found == tuple(f"class_{n}" for n in range(1000))
    assert given[7] == "cock" and given[8] == "class_8"


def test_same_names(tmp_path):
    """Names that stand for two classes carry their WordNet ids; the others do not."""
    entries = {"_134": ["n02012849", "crane"], "_517": ["n03126707", "crane"]}
    named = write_index(tmp_path / "named.json", **entries)

    labels = load_imagenet_labels(named, tmp_path)

    assert (labels[134], labels[517]) == ("crane (n02012849)", "crane (n03126707)")
    assert len(set(labels)) == 1000


def test_package_names(tmp_path, datasets_dir):
    """Without any file the names are those of Keras' own file, letter by letter."""
    from_package = load_imagenet_labels(None, tmp_path)
    from_keras = load_imagenet_labels(None, datasets_dir)

    assert from_package == from_keras


def test_genuine_names(tmp_path):
    """They are a thousand different names in Keras' order."""
    labels = load_imagenet_labels(None, tmp_path)

    assert len(set(labels)) == len(labels) == 1000
    assert (labels[0], labels[963], labels[999]) == ("tench", "pizza", "toilet_tissue")
    assert [name for name in labels if "(" in name] == [
        "crane (n02012849)",
        "crane (n03126707)",
        "maillot (n03710637)",
        "maillot (n03710721)",
    ]


@pytest.mark.parametrize(
    "changes, message",
    [
        ({"_5": None}, "keys 0 to 999"),
        ({"_1000": ["n1", "more"]}, "keys 0 to 999"),
        ({"_5": "tench"}, "class 5.*'tench'"),
        ({"_5": ["n1"]}, "class 5"),
        ({"_5": ["n1", 7]}, "class 5"),
        ({"_5": ["n1", ""]}, "class 5"),
    ],
)
def test_wrong_index(changes, message, tmp_path):
    """An index with other classes than Keras' is refused."""
    named = write_index(tmp_path / "named.json", **changes)

    with pytest.raises(UnknownLabels, match=message):
        load_imagenet_labels(named, tmp_path)


@pytest.mark.parametrize(
    "content", [b"", b"{", b"\xff\xfe", b"[]", b"tench\ngoldfish\n"]
)
def test_no_index(content, tmp_path):
    """A file that is something else, or is not there, is a sentence."""
    (tmp_path / "names.txt").write_bytes(content)

    for path in (tmp_path / "names.txt", tmp_path / "nowhere.json", tmp_path):
        with pytest.raises(UnknownLabels, match="cannot be read|class index"):
            load_imagenet_labels(path, tmp_path)
