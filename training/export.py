"""Model, contract and report become one version folder; written aside, then renamed.

Owns the folder and the check that what was exported is what was trained.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from gateway.contract import Contract, DataFacts, Evaluation, ImageContract, TensorNames
from gateway.image import RESIZE_RULE
from training.datasets import Split
from training.errors import ExportRefused
from training.evaluate import EvaluationReport
from training.model import Classifier
from training.saved_model import write_saved_model

# Folding and freezing only reorder float32 sums; scores are 0-1, so this is absolute.
MAX_SCORE_DIFFERENCE = 1e-4
_ASIDE_PREFIX = ".writing-"
_LOCK, _VERSION = "lock", "version"  # what lies in a folder of that prefix
_LIBRARIES = ("tensorflow", "keras", "numpy", "pillow")


def check_output(output: Path) -> None:
    """Find out before the work whether a version can be written below output.

    Raises:
        ExportRefused: There is a file in the way, or nothing may be written there.
    """
    # Path.exists raises where one may not look; tempfile says the same in a sentence.
    places = (output.absolute(), *output.absolute().parents)
    nearest = next(path for path in places if os.path.exists(path))
    try:
        with tempfile.TemporaryDirectory(prefix=_ASIDE_PREFIX, dir=nearest):
            pass
    except OSError as error:
        raise ExportRefused(
            f"expected to write into '{nearest}': {error.strerror}"
        ) from error


def write_contract(
    model_name: str, classifier: Classifier, split: Split, evaluation: EvaluationReport
) -> Contract:
    """What the exported model will say about itself."""
    return replace(
        describe_classifier(model_name, classifier, split.labels),
        data=DataFacts(
            name=split.name,
            fingerprint=split.fingerprint,
            train=len(split.train),
            validation=len(split.validation),
            test=len(split.test),
        ),
        evaluation=Evaluation(
            test_accuracy=evaluation.accuracy,
            interval_low=evaluation.interval[0],
            interval_high=evaluation.interval[1],
        ),
    )


def describe_classifier(
    model_name: str, classifier: Classifier, labels: tuple[str, ...]
) -> Contract:
    """A contract without data and evaluation: nothing was learned or judged here."""
    height, width = classifier.size
    return Contract(
        model=model_name,
        task="classification",
        labels=labels,
        temperature=classifier.temperature,
        image=ImageContract(height=height, width=width, resize=RESIZE_RULE),
        tensors=TensorNames(),
        data=None,
        evaluation=None,
        backbone=classifier.name,
        code_revision=_code_revision(),
        library_versions={name: metadata.version(name) for name in _LIBRARIES},
        created_at=datetime.now(UTC).isoformat(timespec="seconds"),
    )


def export_model(
    classifier: Classifier,
    contract: Contract,
    golden: NDArray[np.uint8],
    write_report: Callable[[Path, float], None],
    output: Path,
) -> Path:
    """Write the next version folder below output and return it.

    Args:
        classifier: What was trained.
        contract: What it says about itself.
        golden: uint8 pictures, shape (n, height, width, 3); exported and trained
            scores of these are compared.
        write_report: Called with the report's folder and the largest difference.
        output: The model's folder; created if missing.

    Raises:
        ExportRefused: Exported scores differ by more than MAX_SCORE_DIFFERENCE, or
            the disk took no more.
    """
    with _folder_aside(output) as folder:
        version_folder = folder / _VERSION
        write_saved_model(classifier, contract, version_folder)
        difference = _score_difference(classifier, contract, version_folder, golden)
        if difference > MAX_SCORE_DIFFERENCE:
            raise ExportRefused(
                f"expected exported scores within {MAX_SCORE_DIFFERENCE} of the "
                f"trained ones, found {difference:.2g}"
            )
        extra = version_folder / "assets.extra"
        (extra / "contract.json").write_text(contract.to_json(), encoding="utf-8")
        write_report(extra / "report", difference)
        return _publish(version_folder, output)


def _score_difference(
    classifier: Classifier, contract: Contract, folder: Path, golden: NDArray[np.uint8]
) -> float:
    """Largest |trained - exported| score: Keras, nothing folded, against the file."""
    trained = classifier.keras_model()(golden, training=False).numpy()
    names = contract.tensors
    with tf.compat.v1.Session(graph=tf.Graph()) as session:
        tf.compat.v1.saved_model.load(session, [tf.saved_model.SERVING], str(folder))
        exported = session.run(f"{names.scores}:0", {f"{names.images}:0": golden})
    return float(np.abs(trained - exported).max())


@contextmanager
def _folder_aside(output: Path) -> Iterator[Path]:
    """A hidden folder beside the versions (servers skip its name), gone afterwards."""
    try:
        output.mkdir(parents=True, exist_ok=True)
        _remove_abandoned(output)
        folder = Path(tempfile.mkdtemp(prefix=_ASIDE_PREFIX, dir=output))
        try:
            with (folder / _LOCK).open("wb") as lock:
                # A disk without locks takes models all the same.
                with suppress(OSError):
                    fcntl.flock(lock, fcntl.LOCK_EX)
                yield folder
        finally:
            shutil.rmtree(folder, ignore_errors=True)
    except (OSError, tf.errors.OpError) as error:
        raise ExportRefused(f"could not write below '{output}': {error}") from error


def _remove_abandoned(output: Path) -> None:
    """Clear away what runs that were killed while they wrote have left.

    Who is at work in a folder holds its lock before anything else lies in it.
    """
    for begun in output.glob(f"{_ASIDE_PREFIX}*/{_VERSION}"):
        with suppress(OSError), (begun.parent / _LOCK).open("ab") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            shutil.rmtree(begun.parent)


def _publish(folder: Path, output: Path) -> Path:
    """Rename into the next free version; a folder appears whole or not at all."""
    version = max((0, *_versions(output))) + 1
    while True:
        target = output / str(version)
        try:
            return folder.rename(target)
        except OSError:
            if not target.exists():
                raise
            version += 1  # another run was faster


def _versions(output: Path) -> list[int]:
    return [int(path.name) for path in output.iterdir() if path.name.isdecimal()]


def _code_revision() -> str:
    """The commit this code runs from; "unknown" outside a git checkout."""
    command = ["git", "describe", "--always", "--dirty", "--abbrev=12"]
    try:
        done = subprocess.run(
            command,
            cwd=Path(__file__).parent,
            capture_output=True,
            text=True,
            check=True,
        )
    except (OSError, subprocess.CalledProcessError):
        return "unknown"
    return done.stdout.strip()
