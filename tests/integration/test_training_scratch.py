"""Networks trained from scratch, from IDX files or photos to an answer over HTTP."""

import json
import subprocess
import sys

import numpy as np
import pytest
import tensorflow as tf
import urllib3

from gateway.contract import read_contract
from tests.drawn_idx import draw_pictures, write_idx_files
from tests.integration.gateway_process import running_gateway
from tests.integration.serving_process import start_server
from tests.integration.trained_model import draw_photos
from training.config import HeadConfig, TrainingConfig
from training.datasets import FASHION_LABELS
from training.idx_files import encode_png
from training.run import run

SECONDS_TO_LIVE = 120


@pytest.fixture(name="version_folder", scope="module")
def _version_folder(tmp_path_factory):
    """small-cnn after one epoch over 600 drawn pictures."""
    root = tmp_path_factory.mktemp("clothes")
    config = TrainingConfig(
        data=str(write_idx_files(root / "fashion-mnist", 600)),
        output=root / "models" / "clothes",
        backbone="small-cnn",
        cache_dir=None,
        head=HeadConfig(max_epochs=1),
    )
    return run(config).version_folder


def test_contract_and_report(version_folder):
    """The exported model names network, parts and the ten classes in their order."""
    extra = version_folder / "assets.extra"

    contract = read_contract((extra / "contract.json").read_bytes())

    assert contract.backbone == "small-cnn"
    assert contract.labels == FASHION_LABELS
    assert contract.image.size == (28, 28)
    assert (contract.data.train, contract.data.validation) == (550, 50)
    document = json.loads((extra / "report" / "report.json").read_text())
    assert document["export_score_difference"] < 1e-4
    assert "T-shirt/top" in (extra / "report" / "report.html").read_text()


def test_folded(version_folder):
    """No batch norm is left in the graph that is served."""
    with tf.compat.v1.Session(graph=tf.Graph()) as session:
        tf.compat.v1.saved_model.load(session, ["serve"], str(version_folder))
        kinds = {node.op for node in session.graph_def.node}

    assert not {kind for kind in kinds if kind.startswith("FusedBatchNorm")}
    assert "Rsqrt" not in kinds


def test_served(version_folder):
    """PNG uploads get, label by label, the scores of the exported graph."""
    images, _ = draw_pictures(10, 2)
    loaded = tf.saved_model.load(str(version_folder))
    batch = np.repeat(images[..., None], 3, axis=3)
    expected = loaded.signatures["serving_default"](images=tf.constant(batch))
    flags = [
        "--model_name=clothes",
        f"--model_base_path={version_folder.parent}",
    ]

    with (
        start_server(*flags, timeout_seconds=SECONDS_TO_LIVE) as (_, fields),
        running_gateway(
            model_address=f"localhost:{fields['grpc_port']}", models="clothes"
        ) as gateway,
        urllib3.PoolManager(retries=False, timeout=30.0) as pool,
    ):
        replies = [
            pool.request(
                "POST",
                f"{gateway.url}/predict",
                body=encode_png(image),
                headers={"Content-Type": "image/png"},
            ).json()
            for image in images
        ]

    for reply, scores in zip(replies, expected["scores"].numpy(), strict=True):
        answer = reply["predictions"][0]["scores"]
        received = {entry["label"]: entry["score"] for entry in answer}
        # The batcher may run it in another batch size: float32 sums, reordered.
        assert received == pytest.approx(
            dict(zip(FASHION_LABELS, scores.tolist())), abs=1e-5
        )


@pytest.mark.timeout(300)
def test_ladder(tmp_path):
    """Two rungs in one command: both exported, a table, and a page of both."""
    photos = draw_photos(tmp_path / "shades", 10)
    output = tmp_path / "models"
    command = [sys.executable, "-m", "training.ladder", "--data", str(photos)]
    command += ["--output", str(output), "--rungs", "2,4", "--weights", "random"]
    command += ["--size", "64"]

    done = subprocess.run(
        [*command, "--max-epochs", "1"], capture_output=True, text=True, check=False
    )

    assert done.returncode == 0, done.stderr
    assert sorted(path.name for path in output.iterdir()) == [
        "ladder-2",
        "ladder-4",
        "ladder.html",
        "ladder.json",
        "ladder.png",
    ]
    document = json.loads((output / "ladder.json").read_text())
    first, last = document["rungs"]
    assert (first["name"], last["name"]) == ("ladder-2", "ladder-4")
    for rung in (first, last):
        folder = output / rung["name"] / "1"
        contract = read_contract((folder / "assets.extra/contract.json").read_bytes())
        assert contract.model == rung["name"]
        assert contract.evaluation.test_accuracy == rung["test_accuracy"]
        assert f"{rung['name']}" in done.stdout
    assert contract.image.size == (64, 64)  # of the last alone
    assert "training ladder-2: 100%" in done.stderr


def test_ladder_refuses(tmp_path):
    """Unknown photos end the command with 1 and a sentence; nothing is written."""
    command = [sys.executable, "-m", "training.ladder", "--data", "no-such-photos"]

    done = subprocess.run(
        [*command, "--output", str(tmp_path / "models")],
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 1
    assert "expected a folder or one of" in done.stderr
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "models").exists()


def test_damaged_idx(tmp_path):
    """A file cut short is a sentence of the command, before any work."""
    folder = write_idx_files(tmp_path / "fashion-mnist")
    cut = folder / "t10k-images-idx3-ubyte.gz"
    cut.write_bytes(cut.read_bytes()[:-9])
    command = [sys.executable, "-m", "training", "--data", str(folder)]
    command += ["--backbone", "dense-300-100", "--output", str(tmp_path / "models")]

    done = subprocess.run(command, capture_output=True, text=True, check=False)

    assert done.returncode == 1
    assert "t10k-images-idx3-ubyte.gz' is no complete gzip file" in done.stderr
    assert "Traceback" not in done.stderr
