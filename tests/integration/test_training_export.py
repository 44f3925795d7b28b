"""Nothing half-written, nothing that differs from what was trained."""

import dataclasses
import errno
import fcntl

import numpy as np
import pytest

from tests.tiny_model import tiny_contract
from training.backbones import build_backbone
from training.errors import ExportRefused
from training.export import export_model
from training.fold import fold_network
from training.model import Classifier, build_head

GOLDEN = np.random.default_rng(3).integers(0, 256, (2, 224, 224, 3), np.uint8)
CONTRACT = tiny_contract(labels=("a", "b", "c"), size=(224, 224))


@pytest.fixture(name="classifier", scope="module")
def _classifier():
    backbone = build_backbone("efficientnet-lite0", "random")
    head = build_head(1280, classes=3, dropout=0.0, weight_decay=0.0)
    return Classifier.on_backbone(backbone, fold_network(backbone.network), head)


def test_interrupted_export(classifier, tmp_path):
    """A run that dies while it writes leaves the model's folder empty."""

    def interrupt(_folder, _difference):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        export_model(classifier, CONTRACT, GOLDEN, interrupt, tmp_path / "model")

    assert not list((tmp_path / "model").iterdir())


def test_folders_of_killed_runs(classifier, tmp_path):
    """What a killed run left aside is cleared away; what another writes stays."""
    dead, alive, begun = (tmp_path / f".writing-{name}" for name in "abc")
    for folder in (dead / "version", alive / "version", begun):
        folder.mkdir(parents=True)
    (dead / "lock").touch()

    with (alive / "lock").open("wb") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        export_model(classifier, CONTRACT, GOLDEN, lambda *_: None, tmp_path)

    left = sorted(path.name for path in tmp_path.iterdir())
    assert left == [".writing-b", ".writing-c", "1"]
    assert sorted(path.name for path in alive.iterdir()) == ["lock", "version"]


def test_lock_while_writing(classifier, tmp_path):
    """A run that writes holds its own lock: no other takes its folder away."""
    held = []

    def try_lock(folder, _difference):
        with (folder.parents[2] / "lock").open("ab") as lock:
            with pytest.raises(BlockingIOError):
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            held.append(folder)

    export_model(classifier, CONTRACT, GOLDEN, try_lock, tmp_path)

    assert len(held) == 1
    assert [path.name for path in tmp_path.iterdir()] == ["1"]


def test_full_disk(classifier, tmp_path):
    """A disk that takes no more is a sentence, and nothing is left on it."""

    def fill(_folder, _difference):
        raise OSError(errno.ENOSPC, "No space left on device")

    with pytest.raises(ExportRefused, match="No space left"):
        export_model(classifier, CONTRACT, GOLDEN, fill, tmp_path / "model")

    assert not list((tmp_path / "model").iterdir())


def test_different_scores_are_refused(classifier, tmp_path):
    """A folded copy that answers otherwise than the trained network is not exported."""
    other = build_backbone("efficientnet-lite0", "random")
    wrong = dataclasses.replace(classifier, folded_network=fold_network(other.network))
    convolution = wrong.folded_network.get_layer("lite_conv_head")
    kernel, bias = convolution.get_weights()
    convolution.set_weights([kernel, np.linspace(0, 6, bias.size)])

    with pytest.raises(ExportRefused, match="exported scores within"):
        export_model(wrong, CONTRACT, GOLDEN, _write_nothing, tmp_path / "model")

    assert not list((tmp_path / "model").iterdir())


def test_next_free_version(classifier, tmp_path):
    """The new number is the highest one plus one; other names do not count."""
    for name in ("3", "12", "notes", ".writing-old"):
        (tmp_path / "model" / name).mkdir(parents=True)

    folder = export_model(
        classifier, CONTRACT, GOLDEN, _write_nothing, tmp_path / "model"
    )

    assert folder == tmp_path / "model" / "13"


def _write_nothing(_folder, _difference):
    """A report is not what these tests are about."""
