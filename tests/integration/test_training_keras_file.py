"""The Keras file beside an exported version: the same network, scores and all."""

from __future__ import annotations

from dataclasses import replace

import keras
import numpy as np
import pytest

from gateway.image import decode_image
from tests.integration.trained_model import draw_photos, train_briefly
from tests.integration.transfer_backbone import build_tiny_backbone
from training.exported_model import ExportedModel
from training.fold import fold_network
from training.keras_file import write_keras_file
from training.model import Classifier, build_head
from training.scratch import SCRATCH_NETWORKS, build_network, build_top

# Keras reads weights into TensorFlow's variables with h5py, which asks for no copy.
pytestmark = pytest.mark.filterwarnings(
    "ignore:__array__ implementation doesn't accept a copy:DeprecationWarning"
)


def test_beside_the_version(tmp_path):
    """--keep-keras leaves a file that gives the exported scores from uint8 pictures."""
    photos = draw_photos(tmp_path / "photos")

    result = train_briefly(
        photos, tmp_path / "models" / "name", backbone="dense-300-100", keeps_keras=True
    )

    folder = result.version_folder
    model = keras.saving.load_model(folder / "assets.extra" / "model.keras")
    exported = ExportedModel(folder, threads=1)
    size = exported.contract.image.size
    batch = np.stack(
        [decode_image(path.read_bytes(), size) for path in photos.glob("*/*.png")]
    )
    assert model.input.dtype == "uint8"
    np.testing.assert_allclose(
        model(batch, training=False), exported.score(batch), atol=1e-5
    )


def test_not_asked_for(tmp_path):
    """Without the flag there is no such file."""
    photos = draw_photos(tmp_path / "photos")

    result = train_briefly(photos, tmp_path / "name", backbone="dense-300-100")

    assert not list(result.version_folder.rglob("*.keras"))


def tiny_classifier():
    """A backbone with batch norms, an averaging head, and a temperature."""
    backbone = build_tiny_backbone()
    head = build_head(24, classes=3, dropout=0.2, weight_decay=1e-4)
    classifier = Classifier.on_backbone(backbone, fold_network(backbone.network), head)
    return replace(classifier, temperature=2.5)


def scratch_classifier():
    """A network with a head of its own."""
    network = build_network("small-cnn")
    return Classifier(
        name="small-cnn",
        size=SCRATCH_NETWORKS["small-cnn"].size,
        network=network,
        folded_network=fold_network(network),
        head=build_top("small-cnn", network, classes=3),
    )


@pytest.mark.parametrize("build", [tiny_classifier, scratch_classifier])
def test_read_back(tmp_path, build):
    """Every number survives, the temperature too."""
    classifier = build()
    noise = np.random.default_rng(1).integers(
        0, 256, (4, *classifier.size, 3), np.uint8
    )

    write_keras_file(classifier, tmp_path)

    model = keras.saving.load_model(tmp_path / "model.keras")
    logits = classifier.head(classifier.network(noise, training=False), training=False)
    expected = keras.ops.softmax(logits / classifier.temperature)
    np.testing.assert_allclose(model(noise, training=False), expected, atol=1e-6)
