"""Which share of the photos each part gets where it is not given."""

import pytest

from training.checks import check_split
from training.datasets import load_split
from training.errors import UnfitData


@pytest.mark.parametrize(
    "given, expected", [((), (12, 2, 6)), (("test",), (18, 2, 20))]
)
def test_given_fractions(make_photos, tmp_path, given, expected):
    """Fractions are shares of all photos; a part that is given is not cut."""
    make_photos({"cat": 20, "dog": 20}, "photos/train" if given else "photos")
    for part in given:
        make_photos({"cat": 20, "dog": 20}, f"photos/{part}", first_shade=100)

    split = load_split(str(tmp_path / "photos"), tmp_path, 0.3, 0.1)

    cats = [
        sum(photo.label == "cat" for photo in getattr(split, part))
        for part in ("train", "validation", "test")
    ]
    assert tuple(cats) == expected


def test_same_test_part(make_photos, tmp_path):
    """However many photos validate, those of the test stay the same."""
    folder = str(make_photos({"cat": 20, "dog": 20}))

    few, many = (load_split(folder, tmp_path, 0.25, share) for share in (0.05, 0.3))

    assert few.test == many.test
    assert len(few.validation) == 2 and len(many.validation) == 12


def test_nothing_left_to_train_on(make_photos, tmp_path):
    """Half for the test and half for validation leaves no train part: a sentence."""
    split = load_split(str(make_photos({"cat": 20, "dog": 20})), tmp_path, 0.5, 0.5)

    with pytest.raises(UnfitData, match="the train part has no picture of cat, dog"):
        check_split(split)
