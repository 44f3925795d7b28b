"""Test photos for people to look at: the worst mistakes, and some right answers.

Owns which photos and how they are drawn; the heatmap itself is the classifier's.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import matplotlib
import numpy as np
from numpy.typing import ArrayLike, NDArray
from PIL import Image

from gateway.errors import GatewayError
from gateway.image import draw_thumbnail
from training.datasets import Photo
from training.pictures import Pixels

SHOWN_MISTAKES = 12
SHOWN_RIGHT = 6
LONGEST_SIDE = 224  # pixels; a dozen with their heatmaps stay below 300 KB
_QUALITY = 80
_SAMPLE_SEED = 0

Explain = Callable[[NDArray[np.uint8]], Mapping[str, ArrayLike]]


@dataclass(frozen=True, kw_only=True)
class JudgedPhoto:
    """A test photo, what it is and what it was taken for.

    target and predicted are classes in score order, the scores theirs (0-1); picture
    and heatmap are small JPEGs of the same size, the heatmap laid over the photo.
    """

    photo: Photo
    target: int
    predicted: int
    score: float
    target_score: float
    picture: bytes
    heatmap: bytes


def worst_mistakes(
    scores: NDArray[np.float32],
    pixels: Pixels,
    photos: tuple[Photo, ...],
    explain: Explain,
) -> tuple[JudgedPhoto, ...]:
    """The wrong answers that were given with the highest scores, surest first.

    Args:
        scores: float32, shape (n, classes).
        pixels: The n pictures and their true classes.
        photos: Their n files.
        explain: Classifier.explain, or what answers like it.
    """
    wrong = np.flatnonzero(scores.argmax(axis=1) != pixels.targets)
    surest = wrong[np.argsort(-scores[wrong].max(axis=1), kind="stable")]
    return _judge(surest[:SHOWN_MISTAKES], scores, pixels, (photos, explain))


def sample_right(
    scores: NDArray[np.float32],
    pixels: Pixels,
    photos: tuple[Photo, ...],
    explain: Explain,
) -> tuple[JudgedPhoto, ...]:
    """Some right answers, drawn at random and not by their score; as above."""
    right = np.flatnonzero(scores.argmax(axis=1) == pixels.targets)
    drawn = np.random.default_rng(_SAMPLE_SEED).permutation(right)[:SHOWN_RIGHT]
    return _judge(drawn, scores, pixels, (photos, explain))


def draw_small(photo: Photo, image: NDArray[np.uint8] | None = None) -> bytes | None:
    """A small JPEG in the photo's own proportions; from image if its file is gone.

    image is uint8, shape (height, width, 3); without it a file that cannot be read
    any more gives None.
    """
    try:
        return draw_thumbnail(photo.path.read_bytes(), LONGEST_SIDE)
    except (OSError, GatewayError):
        return None if image is None else _encode(Image.fromarray(image))


def _judge(
    chosen: NDArray[np.int64],
    scores: NDArray[np.float32],
    pixels: Pixels,
    sources: tuple[tuple[Photo, ...], Explain],
) -> tuple[JudgedPhoto, ...]:
    photos, explain = sources
    if chosen.size == 0:
        return ()
    heatmaps = np.asarray(explain(pixels.batch[chosen])["heatmap"])
    judged = []
    for index, heatmap in zip(chosen, heatmaps, strict=True):
        picture = draw_small(photos[index], pixels.batch[index])
        target, predicted = int(pixels.targets[index]), int(scores[index].argmax())
        judged.append(
            JudgedPhoto(
                photo=photos[index],
                target=target,
                predicted=predicted,
                score=float(scores[index, predicted]),
                target_score=float(scores[index, target]),
                picture=picture,
                heatmap=_overlay(picture, heatmap),
            )
        )
    return tuple(judged)


def _overlay(picture: bytes, heatmap: NDArray[np.float32]) -> bytes:
    """The photo in gray below the heatmap in color; heatmap (rows, columns), 0-1.

    The model saw the photo squeezed into a square: stretched to the photo's own
    proportions the heatmap lies right again.
    """
    with Image.open(io.BytesIO(picture)) as photo:
        gray = photo.convert("L")
    heat = Image.fromarray(np.float32(heatmap)).resize(
        gray.size, Image.Resampling.BICUBIC
    )
    share = np.clip(np.asarray(heat), 0, 1)
    color = matplotlib.colormaps["inferno"](share)[..., :3]
    weight = (0.25 + 0.45 * share)[..., None]
    light = np.asarray(gray)[..., None] / 255
    mixed = (1 - weight) * light + weight * color
    return _encode(Image.fromarray(np.uint8(np.rint(255 * mixed))))


def _encode(picture: Image.Image) -> bytes:
    file = io.BytesIO()
    picture.thumbnail((LONGEST_SIDE, LONGEST_SIDE))
    picture.save(file, "JPEG", quality=_QUALITY)
    return file.getvalue()
