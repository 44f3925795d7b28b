"""A report's facts of a run that never was, with as many classes as one likes."""

from __future__ import annotations

import dataclasses
import io
from pathlib import Path

import numpy as np
from PIL import Image

from tests.tiny_model import tiny_contract
from training.calibration import calibrate
from training.config import TrainingConfig
from training.datasets import Photo
from training.evaluate import (
    CrossValidation,
    ShuffledRun,
    evaluate_scores,
    softmax,
)
from training.history import History, Stage
from training.mistakes import JudgedPhoto
from training.near_duplicates import Pair
from training.report_facts import ReportFacts


def example_facts(labels=("cat", "dog"), photos_per_class=4, **changes):
    """Every class's last photo is taken for the next class; all the others are right.

    Nothing optional is in it; example_extras(facts) has the rest.
    """
    logits, targets = draw_logits(len(labels), photos_per_class)
    evaluation = evaluate_scores(softmax(logits), targets, tuple(labels))
    facts = ReportFacts(
        contract=tiny_contract(labels=labels, name=changes.pop("name", "pets")),
        evaluation=evaluation,
        stages=(draw_stage("head"),),
        findings=(),
        is_given_split=True,
        seconds=12.0,
    )
    return dataclasses.replace(facts, **changes)


def example_extras(folder, labels=("cat", "dog")):
    """All optional facts, photos included, as ReportFacts takes them."""
    logits, targets = draw_logits(len(labels), 4)
    first, second = (draw_photo(folder, name, labels[0]) for name in ("a", "b"))
    pair = Pair(
        first=first,
        second=second,
        first_part="train",
        second_part="test",
        likeness=0.97,
        is_mirrored=True,
    )
    return {
        "config": TrainingConfig(data="pets", output=Path("models/pets"), seed=7),
        "command": "python -m training --data pets --output models/pets",
        "calibration": calibrate(logits, targets, 2.0),
        "near_duplicates": (pair,),
        "mistakes": (judge(first, 1, 0),),
        "right": (judge(second, 0, 0),),
        "shuffled": ShuffledRun(accuracy=0.5, count=8, chance=0.5),
        "cross_validation": CrossValidation(folds=(0.75, 1.0), correct=7, count=8),
        "pixel_difference": 0.0,
        "photos_per_second": 75.0,
        "stages": (draw_stage("head"), draw_stage("fine-tuning", is_kept=False)),
    }


def draw_logits(classes, photos_per_class):
    """Logits 3 for the class that is named, 0 for the others, and targets."""
    targets = np.repeat(np.arange(classes), photos_per_class)
    named = targets.copy()
    named[photos_per_class - 1 :: photos_per_class] += 1
    return 3 * np.eye(classes, dtype=np.float32)[named % classes], targets


def draw_stage(title, is_kept=True):
    """Three epochs, the second the best."""
    history = History(
        train_loss=(0.9, 0.5, 0.4),
        train_accuracy=(0.5, 0.75, 1.0),
        validation_loss=(0.8, 0.6, 0.7),
        validation_accuracy=(0.5, 0.75, 0.75),
        best_epoch=1,
    )
    return Stage(title=title, history=history, seconds=3.0, is_kept=is_kept)


def draw_photo(folder, name, label):
    """A small file on the disk."""
    path = folder / label / f"{name}.jpg"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(encode_plain())
    return Photo(path=path, label=label, digest=name)


def judge(photo, predicted, target):
    """A photo that got 90 % for one class."""
    return JudgedPhoto(
        photo=photo,
        target=target,
        predicted=predicted,
        score=0.9,
        target_score=0.9 if predicted == target else 0.1,
        picture=encode_plain(),
        heatmap=encode_plain(),
    )


def encode_plain():
    """The bytes of a gray JPEG."""
    file = io.BytesIO()
    Image.new("RGB", (24, 16), "gray").save(file, "JPEG")
    return file.getvalue()
