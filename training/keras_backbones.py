"""The networks of keras.applications, each with its own preprocessing inside.

Owns what each of them expects of its input; which weights to take is told to it.
Source of the scalings: keras.applications' preprocess_input of each network.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import keras
import numpy as np
from keras import applications, layers

# Mean color of ImageNet's train photos in RGB, 0-255, as Caffe's networks subtract it.
_CAFFE_MEANS = (123.68, 116.779, 103.939)
# Standard deviation of ImageNet's train photos in RGB, 0-1.
_DEVIATIONS = (0.229, 0.224, 0.225)


def _leave(images: keras.KerasTensor) -> keras.KerasTensor:
    """The network scales 0-255 by itself."""
    return images


def _scale_to_one(images: keras.KerasTensor) -> keras.KerasTensor:
    """0-255 to -1 to 1."""
    return layers.Rescaling(1 / 127.5, offset=-1.0, name="rescaling")(images)


def _subtract_means(images: keras.KerasTensor) -> keras.KerasTensor:
    """0-255 to a color around zero, still RGB: see _take_rgb."""
    offset = [-mean for mean in _CAFFE_MEANS]
    return layers.Rescaling(1.0, offset=offset, name="rescaling")(images)


def _keep(_network: keras.Model) -> None:
    """Nothing to set right."""


def _take_rgb(network: keras.Model) -> None:
    """Turn the first kernel around in place: it was trained on blue, green, red."""
    first = next(x for x in network.layers if isinstance(x, layers.Conv2D))
    kernel, *bias = first.get_weights()
    first.set_weights([kernel[:, :, ::-1], *bias])


def _divide_by_deviation(network: keras.Model) -> None:
    """Complete the network's normalization in place to (x / 255 - mean) / deviation.

    Its weights hold the deviation where a variance is meant. Keras makes up for that by
    one more scaling, but leaves it out when the weights come from a file.
    """
    scalings = [x for x in network.layers if isinstance(x, layers.Rescaling)]
    if len(scalings) > 1:
        return
    norm = next(x for x in network.layers if isinstance(x, layers.Normalization))
    mean, variance, count = norm.get_weights()
    norm.set_weights([mean, variance * np.float32(_DEVIATIONS), count])
    norm.finalize_state()


@dataclass(frozen=True, kw_only=True)
class KerasNetwork:
    """One network; resolution (by default) and min_side are sides in pixels.

    scale stands between uint8 pictures and what build makes; adapt sets the filled
    network right in place.
    """

    build: Callable[..., keras.Model]
    resolution: int
    min_side: int = 32
    scale: Callable[[keras.KerasTensor], keras.KerasTensor] = _leave
    adapt: Callable[[keras.Model], None] = _keep
    options: Mapping[str, float] = field(default_factory=dict)


NETWORKS = {
    "efficientnet-b0": KerasNetwork(
        build=applications.EfficientNetB0, resolution=224, adapt=_divide_by_deviation
    ),
    "efficientnet-b3": KerasNetwork(
        build=applications.EfficientNetB3, resolution=300, adapt=_divide_by_deviation
    ),
    "efficientnet-b5": KerasNetwork(
        build=applications.EfficientNetB5, resolution=456, adapt=_divide_by_deviation
    ),
    "efficientnet-v2-m": KerasNetwork(
        build=applications.EfficientNetV2M, resolution=480
    ),
    "inception-v3": KerasNetwork(
        build=applications.InceptionV3,
        resolution=299,
        min_side=75,
        scale=_scale_to_one,
    ),
    "mobilenet-v2": KerasNetwork(
        build=applications.MobileNetV2, resolution=224, scale=_scale_to_one
    ),
    "mobilenet-v2-0.35": KerasNetwork(
        build=applications.MobileNetV2,
        resolution=224,
        scale=_scale_to_one,
        options={"alpha": 0.35},
    ),
    "vgg16": KerasNetwork(
        build=applications.VGG16,
        resolution=224,
        scale=_subtract_means,
        adapt=_take_rgb,
    ),
    "xception": KerasNetwork(
        build=applications.Xception, resolution=299, min_side=71, scale=_scale_to_one
    ),
}


def build_keras_network(
    kind: KerasNetwork,
    images: keras.KerasTensor,
    has_top: bool,
    fill: Callable[[keras.Model], None] | None,
) -> keras.Model:
    """One flat network from uint8 pictures to a feature map, or to 1,000 logits.

    Args:
        kind: Which network.
        images: uint8, shape (n, height, width, 3), RGB 0-255.
        has_top: Whether the classifier of the 1,000 ImageNet classes is on it.
        fill: Loads weights in place, in keras.applications' own layout; None takes
            those that Keras has in its cache or downloads.

    Raises:
        Exception: As Keras raises it, where it has no weights and no network.
    """
    options = dict(kind.options, include_top=has_top)
    if has_top:
        options["classifier_activation"] = None
    else:
        # By its size MobileNetV2 chooses the weights.
        options["input_shape"] = images.shape[1:]
    built = kind.build(
        input_tensor=kind.scale(images),
        weights=None if fill else "imagenet",
        **options,
    )
    # Of its own accord the network would take a list of one input.
    network = keras.Model(images, built.output)
    if fill:
        fill(network)
    kind.adapt(network)
    return network
