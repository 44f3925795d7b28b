"""From drawn photos to a version folder that a model server reads."""

import json
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
from tensorflow_serving.apis import prediction_log_pb2

from gateway.contract import read_contract
from tests.integration.trained_model import LABELS, draw_photos, train_briefly
from training.errors import ExportRefused, UnfitData
from training.evaluate import wilson_interval

SIZE = (224, 224)
# Where the network does not matter: the fastest to train and to write.
BRIEF = "dense-300-100"


@pytest.fixture(name="run_result", scope="module")
def _run_result(tmp_path_factory):
    folder = tmp_path_factory.mktemp("photos")
    return train_briefly(draw_photos(folder / "shades"), folder / "models" / "shades")


@pytest.fixture(name="session")
def _session(run_result):
    with tf.compat.v1.Session(graph=tf.Graph()) as session:
        folder = str(run_result.version_folder)
        tf.compat.v1.saved_model.load(session, [tf.saved_model.SERVING], folder)
        yield session


def test_version_folder(run_result):
    """The first run makes version 1 with model, contract, warm-up file and report."""
    folder = run_result.version_folder
    extra = folder / "assets.extra"

    assert folder.name == "1"
    assert [path.name for path in folder.parent.iterdir()] == ["1"]
    assert (folder / "saved_model.pb").is_file()
    assert (extra / "tf_serving_warmup_requests").stat().st_size > 0
    assert {path.name for path in (extra / "report").iterdir()} == {
        "report.html",
        "report.json",
        "loss_1.png",
        "accuracy_1.png",
        "roc.png",
        "reliability.png",
    }


def test_warm_up_file(run_result):
    """Pictures only: a record without inputs fails the load of a batching server."""
    extra = run_result.version_folder / "assets.extra"
    path = str(extra / "tf_serving_warmup_requests")

    requests = [
        prediction_log_pb2.PredictionLog.FromString(record.numpy()).predict_log.request
        for record in tf.data.TFRecordDataset(path)
    ]

    signatures = {request.model_spec.signature_name for request in requests}
    assert signatures == {"serving_default", "explain"}
    assert all(set(request.inputs) == {"images"} for request in requests)


def test_contract(run_result, session):
    """The graph and the file tell the same contract, and it is this run's."""
    text = session.run("contract:0")
    file = run_result.version_folder / "assets.extra" / "contract.json"

    contract = read_contract(text)

    assert text.decode() == file.read_text(encoding="utf-8")
    assert contract.model == "shades"
    assert contract.labels == LABELS
    assert contract.image.size == SIZE
    # Six photos a class: round(0.9) is 1 for test and for validation, 4 are left.
    assert (contract.data.train, contract.data.validation, contract.data.test) == (
        8,
        2,
        2,
    )


def test_signatures(run_result):
    """Three named signatures; a contract needs no input."""
    loaded = tf.saved_model.load(str(run_result.version_folder))

    def names(part: Mapping) -> set:
        return set(part)

    signatures = loaded.signatures
    assert set(signatures) == {"serving_default", "explain", "contract"}
    predict = signatures["serving_default"]
    assert names(predict.structured_input_signature[1]) == {"images"}
    assert names(predict.structured_outputs) == {"scores"}
    assert names(signatures["explain"].structured_outputs) == {"scores", "heatmap"}
    assert names(signatures["contract"].structured_input_signature[1]) == set()


def test_scores_and_heatmap(session):
    """Scores are a distribution; a heatmap goes from 0 or more up to 1."""
    images = np.random.default_rng(1).integers(0, 256, (3, *SIZE, 3), np.uint8)

    scores, heatmap = session.run(["scores:0", "heatmap:0"], {"images:0": images})

    assert scores.shape == (3, 2)
    np.testing.assert_allclose(scores.sum(axis=1), 1, atol=1e-6)  # float32 rounding
    assert heatmap.shape == (3, 7, 7)
    assert heatmap.min() >= 0
    # All evidence may be negative: then the map is 0 everywhere, and never above 1.
    assert set(np.round(heatmap.max(axis=(1, 2)), 6)) <= {0.0, 1.0}


@pytest.mark.parametrize(
    "shape", [(224, 224, 3), (), (1, 160, 160, 3), (1, 224, 224, 1)]
)
def test_wrong_shapes(session, shape):
    """The graph itself refuses a wrong rank or size, in whatever server it runs."""
    with pytest.raises(tf.errors.InvalidArgumentError, match="EnsureShape"):
        session.run("scores:0", {"images:0": np.zeros(shape, np.uint8)})


def test_graph_is_frozen_and_folded(session):
    """No variable, no batch norm and no convolution without its bias is left."""
    kinds = {node.op for node in session.graph_def.node}

    assert not {kind for kind in kinds if "Variable" in kind or "VarHandle" in kind}
    assert not {kind for kind in kinds if kind.startswith("FusedBatchNorm")}
    assert "Rsqrt" not in kinds


def test_report(run_result):
    """The report's figures are those of the run, and the page needs no other file."""
    report = run_result.version_folder / "assets.extra" / "report"
    document = json.loads((report / "report.json").read_text())
    page = (report / "report.html").read_text()

    accuracy = run_result.evaluation.accuracy
    assert document["test"]["accuracy"] == accuracy
    assert document["test"]["interval_95"] == list(wilson_interval(accuracy * 2, 2))
    assert document["export_score_difference"] < 1e-4
    assert document["photos_per_second"] > 0
    half = document["half_precision"]
    # bfloat16 keeps 8 bits of a number: some 0.004 of it at each step.
    assert half["count"] > 0 and 0 <= half["score_difference"] < 0.05
    assert 0 <= half["changed_labels"] <= half["count"]
    assert "--mixed_precision=bfloat16" in page
    # Head: loss and accuracy; ROC; reliability.
    assert page.count("<svg ") == 4
    # Two test photos, each with its heatmap.
    assert page.count('src="data:image/jpeg;base64,') == 4
    assert "http" not in page


def test_next_version(run_result):
    """A second run adds version 2 and leaves version 1 alone."""
    output = run_result.version_folder.parent
    before = (output / "1" / "saved_model.pb").read_bytes()

    second = train_briefly(output.parent.parent / "shades", output, backbone=BRIEF)

    assert second.version_folder.name == "2"
    assert (output / "1" / "saved_model.pb").read_bytes() == before


def test_bar_not_reached(run_result, tmp_path):
    """A model below the demanded accuracy exports nothing."""
    photos = run_result.version_folder.parent.parent.parent / "shades"

    with pytest.raises(ExportRefused, match="at least 1.1"):
        train_briefly(photos, tmp_path / "strict", min_accuracy=1.1, backbone=BRIEF)

    assert not (tmp_path / "strict").exists()


@pytest.mark.parametrize(
    "counts, message",
    [((9, 0), "two or more classes"), ((2, 1), "at least 5 pictures")],
)
def test_unfit_folder(tmp_path, counts, message):
    """One class, or three pictures: refused before work, nothing written."""
    photos = draw_photos(tmp_path / "photos", max(counts))
    for label, count in zip(LABELS, counts):
        for path in sorted((photos / label).iterdir())[count:]:
            path.unlink()

    with pytest.raises(UnfitData, match=message):
        train_briefly(photos, tmp_path / "models")

    assert not (tmp_path / "models").exists()


def test_output_in_the_way(tmp_path):
    """A file where the model's folder should be is found before any picture is."""
    photos = draw_photos(tmp_path / "photos")
    (photos / "dark" / "text.jpg").write_text("would be found by decoding")
    (tmp_path / "models").touch()

    for output in (tmp_path / "models", tmp_path / "models" / "shades"):
        with pytest.raises(ExportRefused, match="expected to write into"):
            train_briefly(photos, output)


def test_output_here(tmp_path, monkeypatch):
    """The folder one stands in gives the model its name; what was skipped is said."""
    photos = draw_photos(tmp_path / "photos")
    (photos / "dark" / "text.jpg").write_text("not a picture")
    (tmp_path / "shades").mkdir()
    monkeypatch.chdir(tmp_path / "shades")

    result = train_briefly(photos, Path(), skips_unreadable=True, backbone=BRIEF)

    folder = tmp_path / "shades" / "1" / "assets.extra"
    assert read_contract((folder / "contract.json").read_text()).model == "shades"
    assert "1 unreadable files were left out" in result.findings
    assert "all files readable" not in (folder / "report/report.html").read_text()


def test_command_line_error(tmp_path):
    """The command ends with 1 and a sentence, without a traceback."""
    (tmp_path / "photos" / "only").mkdir(parents=True)
    command = [sys.executable, "-m", "training", "--data", str(tmp_path / "photos")]

    done = subprocess.run(
        [*command, "--output", str(tmp_path / "models")],
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 1
    assert "expected one folder per class" in done.stderr
    assert "Traceback" not in done.stderr
