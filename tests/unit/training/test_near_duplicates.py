"""What counts as the same picture, on drawn and on real photos."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageEnhance

from tests.conftest import draw_picture
from training.datasets import Photo, Split, load_split
from training.near_duplicates import find_near_duplicates, tell_near_duplicates
from training.pictures import DecodedSplit, Pixels, decode_split


def draw_scene(seed):
    """A colored picture of 40 random boxes, 96x96; each seed another one."""
    random = np.random.default_rng(seed)
    pixels = np.full((96, 96, 3), 128, np.uint8)
    for _ in range(40):
        top, left = random.integers(0, 90, 2)
        height, width = random.integers(4, 40, 2)
        pixels[top : top + height, left : left + width] = random.integers(0, 256, 3)
    return Image.fromarray(pixels)


def split_of(train, validation, test, label=lambda part, number: "scene"):
    """A decoded split of Pillow pictures, as decode_split would give it."""
    pixels, photos = {}, {}
    parts = {"train": train, "validation": validation, "test": test}
    for part, pictures in parts.items():
        batch = np.stack([np.asarray(picture) for picture in pictures])
        photos[part] = tuple(
            Photo(path=Path(part, str(n)), label=label(part, n), digest=f"{part} {n}")
            for n in range(len(pictures))
        )
        pixels[part] = Pixels(
            batch=batch,
            targets=np.zeros(len(batch), np.int64),
            digests=tuple(photo.digest for photo in photos[part]),
        )
    split = Split(name="scenes", labels=("scene",), is_given=True, **photos)
    return DecodedSplit(split=split, **pixels)


def found(decoded):
    """The pairs by place: (first, second, is mirrored)."""
    return {
        (str(pair.first.path), str(pair.second.path), pair.is_mirrored)
        for pair in find_near_duplicates(decoded)
    }


@pytest.mark.parametrize(
    "change, is_mirrored",
    [
        (lambda picture: picture, False),
        (lambda picture: ImageEnhance.Brightness(picture).enhance(0.7), False),
        (lambda picture: picture.resize((40, 40)).resize((96, 96)), False),
        (lambda picture: picture.transpose(Image.Transpose.FLIP_LEFT_RIGHT), True),
        (lambda picture: picture.crop((1, 1, 95, 95)).resize((96, 96)), False),
    ],
)
def test_same_picture(change, is_mirrored):
    """A picture darkened, made small, mirrored or cropped by a pixel is found."""
    strangers = [draw_scene(seed) for seed in range(1, 30)]
    scene = draw_scene(0)

    pairs = found(split_of([scene, *strangers[:20]], strangers[20:], [change(scene)]))

    assert pairs == {("train/0", "test/0", is_mirrored)}


def test_flat_pictures():
    """Pictures of one color have nothing to compare; smooth ones have no details."""
    flat = [Image.new("RGB", (96, 96), (shade, 40, 90)) for shade in range(0, 200, 20)]

    pairs = find_near_duplicates(split_of(flat[:6], flat[6:8], flat[8:]))

    assert not pairs


def test_closest_of_many():
    """Of a film's frames each is listed with its closest, never all with all."""
    frames = [draw_scene(0).rotate(turn / 4) for turn in range(40)]

    pairs = find_near_duplicates(split_of(frames[:20], frames[20:30], frames[30:]))

    assert len(pairs) <= 2 * 40
    named = {photo.path for pair in pairs for photo in (pair.first, pair.second)}
    assert len(named) == 40
    assert [pair.is_across for pair in pairs] == sorted(
        (pair.is_across for pair in pairs), reverse=True
    )


def test_set_of_one_kind():
    """Where all pictures resemble each other by nature, only the closest are named."""
    random = np.random.default_rng(2)
    plan = np.asarray(draw_scene(0), float)
    grain = random.normal(0, 22, (150, 24, 24, 3)).repeat(4, 1).repeat(4, 2)
    series = [Image.fromarray(np.uint8(np.clip(plan + g, 0, 255))) for g in grain]

    pairs = found(split_of(series[:100], series[100:], [series[7]]))

    assert pairs == {("train/7", "test/0", False)}


def test_told():
    """Sentences with parts and names; a long list is cut with a count."""
    scenes = [draw_scene(seed) for seed in range(25)]
    decoded = split_of(
        scenes, [draw_scene(99)], scenes, label=lambda part, number: f"{part}{number}"
    )

    across, torn = tell_near_duplicates(find_near_duplicates(decoded))

    assert across.splitlines()[0].endswith(
        "in two parts, which flatters the figures: 25"
    )
    assert across.count(" = test: ") == 20
    assert across.endswith("- and 5 more")
    assert torn.startswith("pairs that look the same under two different labels: 25")


def test_smooth_picture():
    """A picture without edges is found again as well."""
    smooth = draw_picture((96, 96))

    pairs = found(split_of([draw_scene(1), smooth], [draw_scene(2)], [smooth]))

    assert pairs == {("train/1", "test/0", False)}


@pytest.mark.parametrize(
    "name, expected",
    [
        # The pairs that the data's own notes name.
        ("pizza-not-pizza", {("1088332", "1576248")}),
        ("pizza-vs-ice-cream", {("00505_jpg", "00342_jpg")}),
    ],
)
def test_real_photos(datasets_dir, name, expected):
    """Known near-duplicates of real photo sets are found, with few others."""
    decoded = decode_split(load_split(name, datasets_dir), (96, 96))

    pairs = find_near_duplicates(decoded)

    names = {
        tuple(photo.path.name.split(".")[0] for photo in (pair.first, pair.second))
        for pair in pairs
    }
    assert expected <= names
    assert len(pairs) <= 5
