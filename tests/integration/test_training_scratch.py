"""Networks trained from scratch, from IDX files or photos to an answer over HTTP."""

import json
import sys

import numpy as np
import pytest
import tensorflow as tf
import urllib3

from gateway.contract import read_contract
from tests.drawn_idx import draw_pictures, write_idx_files
from tests.integration.forked_server import fork_server
from tests.integration.gateway_process import running_gateway
from tests.integration.trained_model import draw_photos
from training.__main__ import main as train
from training.config import HeadConfig, TrainingConfig
from training.datasets import FASHION_LABELS
from training.idx_files import encode_png
from training.ladder import main as climb
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


@pytest.fixture(name="run_main")
def _run_main(monkeypatch, capsys):
    """A function that runs a program here: its exit code, and what it said."""

    def run_main(main, *arguments):
        monkeypatch.setattr(sys, "argv", ["program", *map(str, arguments)])
        return main(), capsys.readouterr()

    return run_main


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
        fork_server(*flags, timeout_seconds=SECONDS_TO_LIVE) as (_, fields),
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
def test_ladder(run_main, tmp_path):
    """Two rungs in one command: both exported, a table, and a page of both."""
    photos = draw_photos(tmp_path / "shades", 10)
    output = tmp_path / "models"
    arguments = ["--rungs=2,4", "--weights=random", "--size=64", "--max-epochs=1"]

    code, said = run_main(climb, "--data", photos, "--output", output, *arguments)

    assert code == 0, said.err
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
        assert f"{rung['name']}" in said.out
    assert contract.image.size == (64, 64)  # of the last alone
    assert "training ladder-2: 100%" in said.err


def test_ladder_refuses(run_main, tmp_path):
    """Unknown photos end the command with 1 and a sentence; nothing is written."""
    output = tmp_path / "models"

    code, said = run_main(climb, "--data", "no-such-photos", "--output", output)

    assert code == 1
    assert "ladder: expected a folder or one of" in said.err
    assert not output.exists()


def test_damaged_idx(run_main, tmp_path):
    """A file cut short is a sentence of the command, before any work."""
    folder = write_idx_files(tmp_path / "fashion-mnist")
    cut = folder / "t10k-images-idx3-ubyte.gz"
    cut.write_bytes(cut.read_bytes()[:-9])
    output = tmp_path / "models"

    code, said = run_main(
        train, "--data", folder, "--backbone", "dense-300-100", "--output", output
    )

    assert code == 1
    assert said.err.startswith("training: ")
    assert "t10k-images-idx3-ubyte.gz' is no complete gzip file" in said.err
    assert not output.exists()
