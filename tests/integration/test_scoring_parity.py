"""The scores in the file are the served ones and those of the network as trained."""

import io

import numpy as np
import pyarrow.parquet as pq
import pytest

from gateway.app import create_app
from gateway.image import decode_image
from gateway.model_client import ModelClient
from gateway.settings import Settings
from tests.benchmark.exported_models import LITE, SIZES, build_classifier
from tests.integration.scoring_process import score
from tests.tiny_model import tiny_contract
from training.export import export_model

LABELS = ("not_pizza", "pizza")


@pytest.fixture(name="photos", scope="module")
def _photos(datasets_dir):
    """20 real photos, ten of each class."""
    test = datasets_dir / "pizza-not-pizza" / "test"
    return [path for label in LABELS for path in sorted((test / label).iterdir())[:10]]


@pytest.fixture(name="classifier", scope="module")
def _classifier():
    return build_classifier(LITE)


@pytest.fixture(name="scored", scope="module")
def _scored(classifier, photos, tmp_path_factory):
    """(model's folder, float32 scores (20, 2) of the file)."""
    folder = tmp_path_factory.mktemp("parity")
    contract = tiny_contract(LABELS, size=SIZES[LITE], name="lite")
    golden = np.zeros((1, *SIZES[LITE], 3), np.uint8)
    export_model(classifier, contract, golden, lambda *_: None, folder / "lite")
    output = folder / "scores.parquet"
    assert score("--model", folder / "lite", *photos, "--output", output) == 0
    table = pq.read_table(output)
    return folder / "lite", np.stack([table[f"score_{label}"] for label in LABELS], 1)


def test_served(scored, photos, start_model_server):
    """Each photo through HTTP, gateway and model server has the scores of its row."""
    folder, scores = scored
    server = start_model_server(folder, name="lite")
    client = ModelClient(f"localhost:{server.grpc_port}")
    gateway = create_app(Settings(models=("lite",)), client).test_client()

    served = []
    for path in photos:
        image = (io.BytesIO(path.read_bytes()), path.name)
        reply = gateway.post("/predict", data={"image": image}).json
        by_label = {x["label"]: x["score"] for x in reply["predictions"][0]["scores"]}
        served.append([by_label[label] for label in LABELS])

    # One at a time there, 20 together here: float32 sums in another order.
    np.testing.assert_allclose(scores, served, atol=1e-6)


def test_trained(scored, photos, classifier):
    """The Keras network, nothing folded or frozen, gives the scores of the file."""
    _, scores = scored
    batch = np.stack([decode_image(p.read_bytes(), SIZES[LITE]) for p in photos])

    trained = classifier.keras_model()(batch).numpy()

    assert np.ptp(trained[:, 0]) > 0.01
    # Folding batch norm reorders the sums of 49 layers: as in test_parity.py.
    np.testing.assert_allclose(scores, trained, atol=1e-5)
