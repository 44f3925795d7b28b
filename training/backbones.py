"""Name to pretrained network, each with its own preprocessing inside.

Owns which networks there are; the one architecture we define lies in
efficientnet_lite.py.
"""

from __future__ import annotations

from dataclasses import dataclass

import keras

from training.efficientnet_lite import (
    VARIANTS,
    build_efficientnet_lite,
    load_imagenet_weights,
)
from training.errors import UnknownBackbone


@dataclass(frozen=True, kw_only=True)
class Backbone:
    """A network from pictures to a feature map.

    network takes uint8 (n, height, width, 3), RGB 0-255, and gives float32
    (n, rows, columns, channels); size is (height, width) in pixels.
    """

    name: str
    size: tuple[int, int]
    network: keras.Model


def build_backbone(name: str, weights: str = "imagenet") -> Backbone:
    """Build one network; weights are "imagenet" or "random" (for tests).

    Raises:
        UnknownBackbone: No such name or weights, or the weights are not installed.
    """
    if name not in VARIANTS:
        raise UnknownBackbone(
            f"expected a backbone of {', '.join(sorted(VARIANTS))}; received '{name}'"
        )
    if weights not in ("imagenet", "random"):
        raise UnknownBackbone(
            f"expected weights 'imagenet' or 'random'; received '{weights}'"
        )
    variant = VARIANTS[name]
    size = (variant.resolution, variant.resolution)
    images = keras.Input((*size, 3), dtype="uint8", name="images")
    network = keras.Model(images, build_efficientnet_lite(images, variant), name=name)
    if weights == "imagenet":
        try:
            load_imagenet_weights(network, variant)
        except ModuleNotFoundError as error:
            raise UnknownBackbone(str(error)) from error
    return Backbone(name=name, size=size, network=network)
