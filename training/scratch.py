"""Name to untrained network: the small ones that learn from nothing but the photos.

Owns layers, augmentation and how each network is trained; training is fit_scratch.py's
business.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import keras
from keras import layers

from training.config import FineTuningConfig, TrainingConfig
from training.errors import UnfitKnobs

_Stack = list[layers.Layer]
# What --weights may say of a network that has none: its default, and the truth.
_NO_WEIGHTS = ("imagenet", "random")

# Pillow's own way from RGB to gray. Source: ITU-R BT.601-2.
_GRAY_SHARES = [[0.299], [0.587], [0.114]]


@dataclass(frozen=True, kw_only=True)
class ScratchNetwork:
    """One network and the training it is meant for.

    size is (height, width) in pixels. features go from uint8 pictures to the last
    feature map, top from there to the last hidden values; augmentation changes
    pictures 0-255 in training only. optimizer is made for a number of steps;
    steps_at_once are run without going back to Python. Where keeps_best is False, the
    last epoch counts, not the best on validation. logits initializes the last layer.
    """

    size: tuple[int, int]
    features: Callable[[], _Stack]
    top: Callable[[], _Stack]
    optimizer: Callable[[int], keras.optimizers.Optimizer]
    augmentation: Callable[[], _Stack] = list
    epochs: int = 20
    batch_size: int = 32
    steps_at_once: int = 1
    keeps_best: bool = True
    logits: str = "glorot_uniform"


def picture_size(config: TrainingConfig) -> tuple[int, int]:
    """(height, width) that the network config.backbone names is made for.

    Raises:
        UnfitKnobs: Knobs are set that only a pretrained network follows.
    """
    name = config.backbone
    height, width = SCRATCH_NETWORKS[name].size
    asked = {
        f"--size {config.size}": config.size not in (None, height),
        "fine-tuning": config.fine_tuning != FineTuningConfig(),
        "cross-validation": config.folds > 0,
        "a search": config.search_trials > 0,
        f"--weights {config.weights}": config.weights not in _NO_WEIGHTS,
    }
    unfit = [knob for knob, is_asked in asked.items() if is_asked]
    if unfit:
        raise UnfitKnobs(
            f"{name} is trained from scratch on pictures of {height}x{width} pixels, "
            f"with no frozen part to keep: it does not take {', '.join(unfit)}"
        )
    return height, width


def build_network(name: str) -> keras.Model:
    """From uint8 pictures (n, height, width, 3) to the last feature map, untrained."""
    recipe = SCRATCH_NETWORKS[name]
    images = keras.Input((*recipe.size, 3), dtype="uint8", name="images")
    return keras.Model(images, _stack(recipe.features(), images), name=name)


def build_top(name: str, network: keras.Model, classes: int) -> keras.Model:
    """From the network's feature map to logits (n, classes), untrained."""
    feature_map = keras.Input(network.output.shape[1:], name="feature_map")
    recipe = SCRATCH_NETWORKS[name]
    last = layers.Dense(classes, name="logits", kernel_initializer=recipe.logits)
    logits = last(_stack(recipe.top(), feature_map))
    return keras.Model(feature_map, logits, name="head")


def build_augmentation(name: str) -> keras.Model | None:
    """From uint8 pictures to changed uint8 pictures; None where none are changed."""
    recipe = SCRATCH_NETWORKS[name]
    changes = recipe.augmentation()
    if not changes:
        return None
    images = keras.Input((*recipe.size, 3), dtype="uint8", name="images")
    changed = keras.ops.cast(keras.ops.round(_stack(changes, images)), "uint8")
    return keras.Model(images, changed, name="augmentation")


def _stack(stack: _Stack, tensor: keras.KerasTensor) -> keras.KerasTensor:
    for layer in stack:
        tensor = layer(tensor)
    return tensor


def _gray() -> _Stack:
    """RGB 0-255 to one channel 0-1."""
    shares = keras.initializers.Constant(_GRAY_SHARES)
    return [
        layers.Rescaling(1 / 255),
        layers.Conv2D(1, 1, use_bias=False, trainable=False, kernel_initializer=shares),
    ]


def _dense_top() -> _Stack:
    return [
        layers.Flatten(),
        layers.Dense(300, activation="relu"),
        layers.Dense(100, activation="relu"),
    ]


def _small_features() -> _Stack:
    """14x14 at once, by a stride: at 28x28 a layer costs four times as much."""
    return [
        *_gray(),
        *_convolution(32, kernel=5, strides=2),
        *_convolution(64),
        layers.MaxPooling2D(),
        *_convolution(128),
        layers.MaxPooling2D(padding="same"),
    ]


def _convolution(channels: int, kernel: int = 3, strides: int = 1) -> _Stack:
    """A convolution whose batch norm can be folded into it."""
    return [
        layers.Conv2D(channels, kernel, strides, padding="same", use_bias=False),
        layers.BatchNormalization(),
        layers.ReLU(),
    ]


def _small_top() -> _Stack:
    return [layers.Flatten(), layers.Dropout(0.4)]


def _falling_adam(steps: int) -> keras.optimizers.Optimizer:
    """Adam whose rate rises for a tenth of the steps and falls to 0 as a cosine."""
    warmup = max(1, steps // 10)
    return keras.optimizers.Adam(
        keras.optimizers.schedules.CosineDecay(
            3e-4, max(1, steps - warmup), warmup_target=3e-3, warmup_steps=warmup
        )
    )


def _bounded_adam(_steps: int) -> keras.optimizers.Optimizer:
    """Adam whose second moment no early gradient fills for good."""
    return keras.optimizers.Adam(clipnorm=1.0)


def _gentle_adam(_steps: int) -> keras.optimizers.Optimizer:
    """The same for pixels of 0-255: the rate by what the third rung divides them by."""
    # At Adam's own the first steps left no hidden unit that any picture wakes.
    return keras.optimizers.Adam(1e-3 / 127.5, clipnorm=1.0)


def _first_rung() -> _Stack:
    """Pixels go in as 0-255: that is what the third rung mends."""
    return [
        layers.Rescaling(1.0),
        layers.Conv2D(16, 3, activation="relu"),
        layers.MaxPooling2D(2),
        layers.Conv2D(32, 3, activation="relu"),
        layers.Dropout(0.3),
        layers.MaxPooling2D(2),
    ]


def _second_rung() -> _Stack:
    return [
        layers.Rescaling(1.0),
        layers.Conv2D(16, 3, activation="relu"),
        layers.MaxPooling2D(2),
    ]


def _third_rung() -> _Stack:
    return [
        layers.Rescaling(1 / 127.5, offset=-1),
        layers.Conv2D(16, 3, activation="relu"),
        layers.MaxPooling2D(2),
        layers.Conv2D(32, 3, activation="relu"),
        layers.MaxPooling2D(2),
    ]


def _rung_top() -> _Stack:
    return [layers.Flatten(), layers.Dense(64, activation="relu")]


def _flip_and_turn() -> _Stack:
    """Mirrored both ways and turned by up to 0.2 of a full turn to either side."""
    return [layers.RandomFlip(), layers.RandomRotation(0.2)]


def _rung(
    features: Callable[[], _Stack],
    augmentation: Callable[[], _Stack] = list,
    is_scaled: bool = False,
) -> ScratchNetwork:
    return ScratchNetwork(
        size=(160, 160),
        features=features,
        top=_rung_top,
        optimizer=_bounded_adam if is_scaled else _gentle_adam,
        logits="glorot_uniform" if is_scaled else "zeros",
        augmentation=augmentation,
    )


# Layers, batch size and epochs of dense-300-100 and of the rungs are those of the two
# course projects they rebuild; all end in softmax, where the rungs had sigmoids that
# bounded the loss: with pixels of 0-255 it begins in the hundreds, unless logits are 0.
SCRATCH_NETWORKS = {
    "dense-300-100": ScratchNetwork(
        size=(28, 28),
        features=_gray,
        top=_dense_top,
        optimizer=lambda _steps: keras.optimizers.SGD(0.01),
        epochs=30,
        # Measured on 2 cores: 4.7 s an epoch at 1, 4.0 at 16, 2.8 at 64.
        steps_at_once=64,
        keeps_best=False,
    ),
    "small-cnn": ScratchNetwork(
        size=(28, 28),
        features=_small_features,
        top=_small_top,
        optimizer=_falling_adam,
        augmentation=lambda: [layers.RandomFlip("horizontal")],
        epochs=18,
        batch_size=128,
        steps_at_once=4,
    ),
    "ladder-1": _rung(_first_rung),
    "ladder-2": _rung(_second_rung, _flip_and_turn),
    "ladder-3": _rung(_third_rung, _flip_and_turn, is_scaled=True),
}
