"""Which test photos are shown, and how they are drawn."""

import io

import numpy as np
import pytest
from PIL import Image

from training.datasets import Photo
from training.mistakes import SHOWN_MISTAKES, sample_right, worst_mistakes
from training.pictures import Pixels


@pytest.fixture(name="test_part")
def _test_part(tmp_path):
    """A function: as many gray photos of 60 x 20 pixels, all of class 0."""

    def make(count):
        photos = []
        for number in range(count):
            path = tmp_path / f"{number}.png"
            Image.new("RGB", (60, 20), (128, 128, 128)).save(path)
            photos.append(Photo(path=path, label="cat", digest=str(number)))
        pixels = Pixels(
            batch=np.full((count, 16, 16, 3), 128, np.uint8),
            targets=np.zeros(count, np.int64),
            digests=tuple(photo.digest for photo in photos),
        )
        return pixels, tuple(photos)

    return make


def look_left(images):
    """A classifier that sees everything in the left third of a picture."""
    heatmap = np.zeros((len(images), 3, 3), np.float32)
    heatmap[:, :, 0] = 1
    return {"heatmap": heatmap}


def scores_of(*cat_scores):
    """Two-class scores with these for the first class."""
    cat = np.array(cat_scores, np.float32)
    return np.stack([cat, 1 - cat], axis=1)


def test_surest_first(test_part):
    """Wrong answers by their score, right ones not at all."""
    scores = scores_of(0.4, 0.9, 0.1, 0.3)

    mistakes = worst_mistakes(scores, *test_part(4), look_left)

    assert [mistake.photo.path.stem for mistake in mistakes] == ["2", "3", "0"]
    assert mistakes[0].score == pytest.approx(0.9)
    assert mistakes[0].target_score == pytest.approx(0.1)
    assert (mistakes[0].target, mistakes[0].predicted) == (0, 1)


def test_no_more_than_fit(test_part):
    """Of many mistakes the worst are shown, and the page stays small."""
    count = SHOWN_MISTAKES + 5

    mistakes = worst_mistakes(scores_of(*[0.2] * count), *test_part(count), look_left)

    assert len(mistakes) == SHOWN_MISTAKES


def test_none():
    """Where nothing was wrong there is nothing to show, and nothing is computed."""
    pixels = Pixels(
        batch=np.zeros((1, 16, 16, 3), np.uint8),
        targets=np.zeros(1, np.int64),
        digests=("0",),
    )

    assert not worst_mistakes(scores_of(0.9), pixels, (None,), pytest.fail)


def test_right_ones(test_part):
    """The sample holds right answers only, and the same at every run."""
    scores = scores_of(*[0.9, 0.1] * 20)
    part = test_part(40)

    first, second = (sample_right(scores, *part, look_left) for _ in range(2))

    assert len(first) == 6
    assert all(int(judged.photo.path.stem) % 2 == 0 for judged in first)
    assert first == second


def test_heatmap_lies_on_the_photo(test_part):
    """Both pictures have the photo's proportions; the heat lies where it was seen."""
    (mistake,) = worst_mistakes(scores_of(0.1), *test_part(1), look_left)

    with Image.open(io.BytesIO(mistake.picture)) as picture:
        assert picture.size == (60, 20)
    with Image.open(io.BytesIO(mistake.heatmap)) as heatmap:
        assert heatmap.size == (60, 20)
        left, right = heatmap.getpixel((4, 10)), heatmap.getpixel((55, 10))
    # Inferno ends in a light yellow; cold parts are the gray photo, darkened.
    assert left[0] > left[2] + 30
    assert max(right) < 128


def test_file_that_is_gone(test_part):
    """A photo deleted during the run is drawn from the pixels it was judged by."""
    pixels, photos = test_part(1)
    photos[0].path.unlink()

    (mistake,) = worst_mistakes(scores_of(0.1), pixels, photos, look_left)

    with Image.open(io.BytesIO(mistake.picture)) as picture:
        assert picture.size == (16, 16)
