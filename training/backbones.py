"""Name to pretrained network, each with its own preprocessing inside.

Owns which networks there are and where their weights come from; what they are made of
lies in efficientnet_lite.py and keras_backbones.py.
"""

from __future__ import annotations

import functools
import os
import pickle
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import keras

from training.efficientnet_lite import (
    VARIANTS,
    add_imagenet_classifier,
    build_efficientnet_lite,
    checkpoint_path,
    load_checkpoint,
)
from training.errors import DAMAGE, UnknownBackbone
from training.keras_backbones import NETWORKS, build_keras_network

BACKBONES = tuple(sorted((*VARIANTS, *NETWORKS)))
IMAGENET, RANDOM = "imagenet", "random"
IMAGENET_CLASSES = 1000
_LITE_MIN_SIDE = 32
# Features of 32 pictures at once take some 5 GB here; EfficientNet-B7 was made for 600.
MAX_SIDE = 1024
_DAMAGE = (*DAMAGE, pickle.UnpicklingError, UserWarning)


@dataclass(frozen=True, kw_only=True)
class Backbone:
    """A network from pictures to a feature map.

    network takes uint8 (n, height, width, 3), RGB 0-255, and gives float32
    (n, rows, columns, channels); size is (height, width) in pixels.
    """

    name: str
    size: tuple[int, int]
    network: keras.Model


def build_backbone(
    name: str, weights: str = IMAGENET, size: tuple[int, int] | None = None
) -> Backbone:
    """Build one network.

    Args:
        name: One of BACKBONES.
        weights: "imagenet" (from an installed package, Keras' cache or a download),
            "random" (for tests), or the path of a .h5 or .pth file.
        size: (height, width) in pixels; the network's own by default.

    Raises:
        UnknownBackbone: No such name, a size it cannot take, or no such weights.
    """
    network = build_network(name, weights, size)
    return Backbone(name=name, size=network.input_shape[1:3], network=network)


def build_network(
    name: str,
    weights: str = IMAGENET,
    size: tuple[int, int] | None = None,
    has_top: bool = False,
) -> keras.Model:
    """The network as one flat model; with its top it gives ImageNet's 1,000 logits.

    Raises:
        UnknownBackbone: As for build_backbone.
    """
    if name not in BACKBONES:
        raise UnknownBackbone(
            f"expected a backbone of {', '.join(BACKBONES)}; received '{name}'"
        )
    build = _build_lite if name in VARIANTS else _build_keras
    images = keras.Input((*_check_size(name, size), 3), dtype="uint8", name="images")
    return build(name, weights, images, has_top)


def _check_size(name: str, size: tuple[int, int] | None) -> tuple[int, int]:
    if name in VARIANTS:
        side, min_side = VARIANTS[name].resolution, _LITE_MIN_SIDE
    else:
        side, min_side = NETWORKS[name].resolution, NETWORKS[name].min_side
    height, width = size or (side, side)
    if min(height, width) < min_side or max(height, width) > MAX_SIDE:
        raise UnknownBackbone(
            f"expected pictures of {min_side}x{min_side} to {MAX_SIDE}x{MAX_SIDE} "
            f"pixels for {name}, received {height}x{width}"
        )
    return height, width


def _build_lite(
    name: str, weights: str, images: keras.KerasTensor, has_top: bool
) -> keras.Model:
    variant = VARIANTS[name]
    output = build_efficientnet_lite(images, variant)
    if has_top:
        output = add_imagenet_classifier(output, IMAGENET_CLASSES)
    network = keras.Model(images, output, name=name)
    if weights == IMAGENET:
        try:
            weights = str(checkpoint_path(variant))
        except ModuleNotFoundError as error:
            raise UnknownBackbone(str(error)) from error
    _weights_loader(name, weights, has_top)(network)
    return network


def _build_keras(
    name: str, weights: str, images: keras.KerasTensor, has_top: bool
) -> keras.Model:
    build = functools.partial(build_keras_network, NETWORKS[name], images, has_top)
    if weights != IMAGENET:
        return build(_weights_loader(name, weights, has_top))
    try:
        return build(None)
    # Keras raises a plain Exception when an address cannot be reached.
    except Exception as error:  # pylint: disable=broad-exception-caught
        raise UnknownBackbone(
            f"the ImageNet weights of {name} are not in Keras' cache and could not be "
            "downloaded; fetch Keras' weights file elsewhere and name it with "
            f"--weights FILE, or put it into models/ below KERAS_HOME ({error})"
        ) from error


def _weights_loader(
    name: str, weights: str, has_top: bool
) -> Callable[[keras.Model], None]:
    """A function that fills a network in place from a file, or leaves it random."""
    if weights == RANDOM:
        return lambda _network: None
    path = Path(weights)
    suffixes = (".h5", ".pth") if name in VARIANTS else (".h5",)
    if not os.path.isfile(path) or path.suffix not in suffixes:
        raise UnknownBackbone(
            f"expected weights '{IMAGENET}', '{RANDOM}' or a "
            f"{' or '.join(suffixes)} file for {name}; received '{weights}'"
        )

    def load(network: keras.Model) -> None:
        try:
            if path.suffix == ".pth":
                load_checkpoint(network, path)
            else:
                _load_all_weights(network, path)
        except _DAMAGE as error:
            raise UnknownBackbone(
                f"'{path}' does not hold the weights of {name} "
                f"{'with' if has_top else 'without'} its top: {_first_line(error)}"
            ) from error

    return load


def _load_all_weights(network: keras.Model, path: Path) -> None:
    """Keras only warns of some layers that a file lacks: these would stay random."""
    with warnings.catch_warnings():
        warnings.simplefilter("error", UserWarning)
        network.load_weights(path)


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0]
