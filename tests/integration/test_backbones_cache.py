"""Weights that Keras finds in its cache: no network, and the same pixels as a file."""

import os
import shutil
import subprocess
import sys

import h5py
import numpy as np
import pytest
import tensorflow as tf
from keras import applications
from keras.src.legacy.saving import legacy_h5_format

from tests.integration.trained_model import draw_photos
from training.backbones import build_backbone
from training.config import HeadConfig, TrainingConfig
from training.run import run as train

_MOBILENET = "mobilenet_v2_weights_tf_dim_ordering_tf_kernels_0.35_224_no_top.h5"
# Keras reads KERAS_HOME when it is imported and knows the release's hash: a process of
# its own, which is told the hash of a file with random kernels. Its normalization holds
# what the release holds: ImageNet's means, and deviations where variances belong.
_WRITE_RELEASE = """
import hashlib, os
from pathlib import Path
import keras, numpy as np
from keras.src.applications import efficientnet
mean, deviation = np.float32([0.485, 0.456, 0.406]), np.float32([0.229, 0.224, 0.225])
path = Path(os.environ["KERAS_HOME"]) / "models" / "efficientnetb0_notop.h5"
own = keras.applications.EfficientNetB0(
    weights=None, include_top=False, input_shape=(64, 64, 3)
)
norm = next(x for x in own.layers if isinstance(x, keras.layers.Normalization))
norm.set_weights([mean, deviation, norm.get_weights()[2]])
own.save(path)
digest = hashlib.md5(path.read_bytes()).hexdigest()
efficientnet.WEIGHTS_HASHES["b0"] = (digest, digest)
"""
_COMPARE = """
from training.backbones import build_backbone
images = np.random.default_rng(0).integers(0, 256, (1, 64, 64, 3), np.uint8)
for weights in ("imagenet", str(path)):
    network = build_backbone("efficientnet-b0", weights, (64, 64)).network
    stem = network.get_layer("stem_conv_pad")
    pixels = keras.Model(network.input, stem.input)(images)
    wanted = (images / 255 - mean) / deviation
    np.testing.assert_allclose(pixels, wanted, rtol=1e-4, atol=1e-4)
"""
_LOAD_RELEASE = """
import os
from pathlib import Path
import numpy as np
from training.backbones import build_backbone
cached = build_backbone("mobilenet-v2-0.35").network.get_weights()
path = next((Path(os.environ["KERAS_HOME"]) / "models").iterdir())
given = build_backbone("mobilenet-v2-0.35", str(path)).network.get_weights()
for one, other in zip(cached, given, strict=True):
    np.testing.assert_array_equal(one, other)
"""


@pytest.fixture(name="run_program")
def _run_program(tmp_path):
    """A function that runs a program with an empty Keras cache and no network."""
    (tmp_path / "models").mkdir()

    def run(program):
        return subprocess.run(
            [sys.executable, "-c", program],
            env={
                **os.environ,
                "KERAS_HOME": str(tmp_path),
                "https_proxy": "http://127.0.0.1:9",
            },
            capture_output=True,
            text=True,
            check=False,
        )

    return run


def test_release_of_efficientnet(run_program):
    """From cache or from file, the stem gets (x / 255 - mean) / deviation.

    Keras adds a scaling for its cached weights and none for a file.
    """
    done = run_program(_WRITE_RELEASE + _COMPARE)

    assert done.returncode == 0, done.stderr


def test_release_of_mobilenet(run_program, datasets_dir, tmp_path):
    """A genuine file in Keras' cache is found, and is what --weights FILE reads."""
    shutil.copy(datasets_dir / "keras-weights" / _MOBILENET, tmp_path / "models")

    done = run_program(_LOAD_RELEASE)

    assert done.returncode == 0, done.stderr


def write_release(path, build, side):
    """A file in the releases' own layout, which Keras 3 still reads; random values.

    A group for each layer; the order of layers, and of their arrays, as attributes.
    """
    own = build(weights=None, include_top=False, input_shape=(side, side, 3))
    with h5py.File(path, "w") as release:
        legacy_h5_format.save_weights_to_hdf5_group(release, own)
    return own


@pytest.mark.parametrize(
    "name, build, side",
    [
        ("vgg16", applications.VGG16, 32),
        ("xception", applications.Xception, 71),
        ("efficientnet-b0", applications.EfficientNetB0, 32),
    ],
)
def test_release_layout(name, build, side, tmp_path):
    """Every kernel of a release's file is found in its layer; one may be turned round.

    VGG16's first kernel was trained on blue, green, red.
    """
    own = write_release(tmp_path / "notop.h5", build, side)

    network = build_backbone(name, str(tmp_path / "notop.h5"), (side, side)).network

    kernels = [
        [np.array(weight) for weight in model.weights if "kernel" in weight.path]
        for model in (own, network)
    ]
    if name == "vgg16":
        kernels[0][0] = kernels[0][0][:, :, ::-1]
    assert len(kernels[0]) > 12
    for written, read in zip(*kernels, strict=True):
        np.testing.assert_array_equal(written, read)


def test_release_whole_way(tmp_path):
    """From such a file with --weights to a folder that can be served."""
    path = tmp_path / "efficientnetb0_notop.h5"
    write_release(path, applications.EfficientNetB0, 32)
    config = TrainingConfig(
        data=str(draw_photos(tmp_path / "photos")),
        output=tmp_path / "models" / "shades",
        backbone="efficientnet-b0",
        weights=str(path),
        size=32,
        cache_dir=None,
        head=HeadConfig(max_epochs=1),
    )

    folder = train(config).version_folder

    loaded = tf.saved_model.load(str(folder)).signatures["serving_default"]
    scores = loaded(images=tf.zeros((2, 32, 32, 3), tf.uint8))["scores"].numpy()
    np.testing.assert_allclose(scores.sum(axis=1), 1, atol=1e-6)
