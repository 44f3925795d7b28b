"""Train pictures, changed a little: mirrored, turned, shifted, zoomed.

Owns the geometry. What a picture becomes depends on its content, the pass and the
seed alone, not on its neighbors: so it can be kept and found again.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from training.config import Augmentation

_STAY = np.eye(3)
_MIRROR = np.diag([-1.0, 1.0, 1.0])
_QUARTER_TURN = np.array([[0.0, -1.0, 0.0], [1.0, 0.0, 0.0], [0.0, 0.0, 1.0]])


def augment(
    batch: NDArray[np.uint8],
    digests: Sequence[str],
    number: int,
    knobs: Augmentation,
    seed: int,
) -> NDArray[np.uint8]:
    """One pass's form of each picture.

    Args:
        batch: uint8, shape (n, height, width, 3).
        digests: SHA-256 of each picture's file, hex.
        number: Pass 0 leaves pictures alone, pass 1 mirrors them where knobs.flip is
            set, the others change each at random within the knobs.
        knobs: How far.
        seed: Another seed gives other changes.

    Returns:
        uint8, the batch's shape; what comes in from outside is reflected.
    """
    if number == 0:
        return batch
    if number == 1 and knobs.flip:
        return np.ascontiguousarray(batch[:, :, ::-1])
    height, width = batch.shape[1:3]
    changed = [
        # Not Keras' affine_transform: it took a quarter of the network's own time.
        cv2.warpAffine(
            picture,
            _draw_transform(digest, number, knobs, seed, (height, width)),
            (width, height),
            flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
            borderMode=cv2.BORDER_REFLECT,
        )
        for picture, digest in zip(batch, digests)
    ]
    return np.stack(changed)


def _draw_transform(
    digest: str, number: int, knobs: Augmentation, seed: int, size: tuple[int, int]
) -> NDArray[np.float64]:
    """Where (x, y, 1) of the new picture comes from: float64, shape (2, 3), pixels."""
    chance = np.random.default_rng([seed, number, int(digest[:16], 16)])
    middle = np.array([(size[1] - 1) / 2, (size[0] - 1) / 2])
    turn = math.radians(chance.uniform(-knobs.rotate, knobs.rotate))
    zoom = 1 + chance.uniform(-knobs.zoom, knobs.zoom)
    offset = chance.uniform(-knobs.shift, knobs.shift, 2) * size[::-1]
    turned = np.eye(3)
    turned[:2, :2] = zoom * np.array(
        [[math.cos(turn), -math.sin(turn)], [math.sin(turn), math.cos(turn)]]
    )
    mirrored = _MIRROR if knobs.flip and chance.random() < 0.5 else _STAY
    if knobs.turns:
        mirrored = mirrored @ np.linalg.matrix_power(
            _QUARTER_TURN, int(chance.integers(4))
        )
    matrix = _moved(middle) @ mirrored @ _moved(offset) @ turned @ _moved(-middle)
    return matrix[:2]


def _moved(by: NDArray[np.float64]) -> NDArray[np.float64]:
    matrix = np.eye(3)
    matrix[:2, 2] = by
    return matrix
