"""One photo through /predict and through Keras in training: the same answer.

gateway -> gRPC -> embedded server on one side, training's decoder and the network as
it was trained, nothing folded or frozen, on the other.
"""

import io

import cv2
import numpy as np
import pytest
from PIL import ImageOps

from gateway.app import create_app
from gateway.model_client import ModelClient
from gateway.settings import Settings
from tests.conftest import draw_picture
from tests.integration.engine_servers import ENGINES
from tests.tiny_model import tiny_contract
from training.backbones import build_backbone
from training.config import HeadConfig, TrainingConfig
from training.datasets import load_split
from training.export import export_model
from training.fit import fit_model
from training.pictures import decode_split

FORMATS = {
    "jpeg": {"mode": "RGB", "file_format": "JPEG"},
    "png-alpha": {"mode": "RGBA", "file_format": "PNG"},
    "gray": {"mode": "L", "file_format": "JPEG"},
    "cmyk": {"mode": "CMYK", "file_format": "JPEG"},
    "exif-turned": {"mode": "RGB", "file_format": "JPEG", "orientation": 6},
    "large": {"mode": "RGB", "file_format": "JPEG", "size": (1500, 1100)},
    "black-white": {"mode": "1", "file_format": "PNG"},
    "print": {"mode": "CMYK", "file_format": "TIFF"},
    "turned-webp": {"mode": "RGB", "file_format": "WEBP", "orientation": 3},
}


def encode_palette(picture):
    """Sixteen colors, one of them transparent."""
    file = io.BytesIO()
    picture.quantize(16).save(file, "PNG", transparency=3)
    return file.getvalue()


def encode_animation(picture):
    """A GIF whose second frame shows other colors."""
    file = io.BytesIO()
    frames = [ImageOps.invert(picture)]
    picture.save(file, "GIF", save_all=True, append_images=frames)
    return file.getvalue()


def encode_deep(picture, mode):
    """A PNG with 16 bits a channel, of which the low ones differ from the high."""
    pixels = np.asarray(picture.convert(mode)).astype(np.uint16) * 256 + 19
    return cv2.imencode(".png", pixels)[1].tobytes()


DRAWN = {
    "palette": encode_palette,
    "animation": encode_animation,
    "gray-16-bit": lambda picture: encode_deep(picture, "L"),
    "color-16-bit": lambda picture: encode_deep(picture, "RGB"),
}


class RecordingClient(ModelClient):
    """The gateway's own client; it also keeps the last batch it sent."""

    sent = None

    def predict(self, target, batch, deadline):
        """Send the batch and remember it."""
        self.sent = batch
        return super().predict(target, batch, deadline)


@pytest.fixture(name="photos", scope="module")
def _photos(encode_picture, tmp_path_factory):
    """Two classes; every format above is one file of each."""
    root = tmp_path_factory.mktemp("parity") / "photos"
    for label, sizes in {"wide": (90, 60), "tall": (50, 70)}.items():
        (root / label).mkdir(parents=True)
        for name, options in FORMATS.items():
            suffix = options["file_format"].lower()
            data = encode_picture(**{"size": sizes, **options})
            (root / label / f"{name}.{suffix}").write_bytes(data)
        for name, encode in DRAWN.items():
            data = encode(draw_picture(sizes))
            (root / label / f"{name}.png").write_bytes(data)
    return root


@pytest.fixture(name="classifier", scope="module")
def _classifier(photos):
    split = load_split(str(photos), photos)
    backbone = build_backbone("efficientnet-lite0", "random")
    config = TrainingConfig(
        data=str(photos), output=photos, head=HeadConfig(max_epochs=1)
    )
    decoded = decode_split(split, backbone.size)
    return fit_model(backbone, decoded, config).classifier


@pytest.fixture(name="gateway", scope="module", params=ENGINES)
def _gateway(request, classifier, photos, start_model_server):
    """(Flask test client, recording client) in front of the exported model."""
    contract = tiny_contract(("tall", "wide"), size=(224, 224), name="parity")
    golden = np.zeros((1, 224, 224, 3), np.uint8)
    base_path = photos.parent / request.param / "parity"
    export_model(classifier, contract, golden, lambda *_: None, base_path)
    server = start_model_server(
        base_path, name="parity", enable_batching=True, engine=request.param
    )
    client = RecordingClient(f"localhost:{server.grpc_port}")
    return create_app(Settings(models=("parity",)), client).test_client(), client


@pytest.fixture(name="trained", scope="module")
def _trained(classifier, photos):
    """Path to (pixels, scores) as training has them."""
    decoded = decode_split(load_split(str(photos), photos), (224, 224))
    parts = [decoded.train.batch, decoded.validation.batch, decoded.test.batch]
    pixels = np.concatenate(parts)
    scores = classifier.keras_model()(pixels).numpy()
    paths = [photo.path for photo in decoded.split.photos]
    return {path: (pixels[i], scores[i]) for i, path in enumerate(paths)}


@pytest.mark.parametrize("name", [*FORMATS, *DRAWN])
@pytest.mark.parametrize("label", ["tall", "wide"])
def test_parity(gateway, trained, photos, name, label):
    """Pixels are equal, scores within float32 rounding."""
    http, client = gateway
    path = next((photos / label).glob(f"{name}.*"))
    pixels, scores = trained[path]

    reply = http.post(
        "/predict", data={"image": (io.BytesIO(path.read_bytes()), path.name)}
    )

    np.testing.assert_array_equal(client.sent, pixels[None])
    served = {x["label"]: x["score"] for x in reply.json["predictions"][0]["scores"]}
    # 49 layers of float32 sums in another order; trained models here: up to 2.2e-6.
    np.testing.assert_allclose([served["tall"], served["wide"]], scores, atol=1e-5)
