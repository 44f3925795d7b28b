"""Several backbones trained on one split of the same photos, and judged side by side.

Owns what each is given and how it is timed; the verdict is comparison.py's business.
The test part stays untouched: it is not even decoded.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from training.backbones import BACKBONES, Backbone, build_backbone
from training.calibration import measure_reliability
from training.checks import check_split
from training.comparison import Comparison, Contestant, rank
from training.config import TrainingConfig
from training.cross_validation import predict_folds
from training.datasets import Split, load_split
from training.errors import TrainingError, UnfitKnobs, UnknownBackbone
from training.features import freeze
from training.fit_scratch import fit_scratch
from training.fold import fold_network
from training.model import Classifier, build_head
from training.pictures import DecodedSplit, Pixels, decode_split, join_pixels
from training.scratch import SCRATCH_NETWORKS, picture_size
from training.transfer import TransferLearner

_TIMED_PICTURES = 32
_ROUNDS = 5


@dataclass(frozen=True, kw_only=True)
class _Entry:
    """One name before its training; backbone is None for a network from scratch."""

    config: TrainingConfig
    size: tuple[int, int]
    backbone: Backbone | None


@dataclass(frozen=True, kw_only=True)
class _Trained:
    """What came out; run is the frozen classifier on a batch of pictures."""

    contestant: Contestant
    run: Callable[[], object]


def compare_backbones(
    config: TrainingConfig,
    names: Sequence[str],
    weights: Mapping[str, str] | None = None,
) -> Comparison:
    """Train each on the train part and judge all of them on the validation part.

    With config.folds the two parts are put together and cut into folds instead; then
    each photo is judged by a model that never saw it, nor was stopped by it.

    Args:
        config: All knobs; its backbone is not looked at.
        names: Two or more backbones, or networks that are trained from scratch.
        weights: Those of single backbones, where they are not config.weights.

    Raises:
        TrainingError: As for training.run; names, weights and knobs of all are checked
            before any work.
    """
    entries = _prepare(config, names, weights or {})
    split = load_split(
        config.data,
        config.datasets_dir,
        config.test_fraction,
        config.validation_fraction,
    )
    check_split(split)
    trained: dict[str, _Trained] = {}
    for size in dict.fromkeys(entry.size for entry in entries):
        decoded = _decode(split, size, config.skips_unreadable)
        for entry in entries:
            if entry.size == size:
                trained[entry.config.backbone] = _train(entry, decoded)
    speeds = _measure_speeds({name: trained[name].run for name in names})
    contestants = [
        replace(trained[name].contestant, photos_per_second=speeds[name])
        for name in names
    ]
    return rank(split.name, config.folds, contestants)


def _prepare(
    config: TrainingConfig, names: Sequence[str], weights: Mapping[str, str]
) -> list[_Entry]:
    """Everything that can be wrong with a name, of all names, before any work."""
    if len(set(names)) < 2 or len(set(names)) < len(names):
        raise UnfitKnobs(
            "expected two or more different backbones to compare, received "
            f"{', '.join(names) or 'none'}"
        )
    known = (*BACKBONES, *SCRATCH_NETWORKS)
    unknown = [name for name in names if name not in known]
    if unknown:
        raise UnknownBackbone(
            f"expected backbones of {', '.join(known)}; received {', '.join(unknown)}"
        )
    stray = [name for name in weights if name not in names or name in SCRATCH_NETWORKS]
    if stray:
        raise UnfitKnobs(
            f"expected weights of pretrained backbones that are compared, received "
            f"some for {', '.join(stray)}"
        )
    entries, problems = [], []
    for name in names:
        own = replace(config, backbone=name, weights=weights.get(name, config.weights))
        try:
            entries.append(_prepare_entry(own))
        except TrainingError as error:
            problems.append(error)
    if problems:
        raise type(problems[0])("\n".join(map(str, problems)))
    return entries


def _prepare_entry(config: TrainingConfig) -> _Entry:
    if config.backbone in SCRATCH_NETWORKS:
        return _Entry(config=config, size=picture_size(config), backbone=None)
    size = (config.size, config.size) if config.size else None
    backbone = build_backbone(config.backbone, config.weights, size)
    return _Entry(config=config, size=backbone.size, backbone=backbone)


def _decode(
    split: Split, size: tuple[int, int], skips_unreadable: bool
) -> DecodedSplit:
    """Train and validation alone, without what cannot be read."""
    decoded = decode_split(replace(split, test=()), size, skips_unreadable)
    check_split(replace(decoded.split, test=split.test))
    return decoded


def _train(entry: _Entry, decoded: DecodedSplit) -> _Trained:
    start = time.monotonic()
    classifier, logits, pixels = _judge(entry, decoded)
    seconds = time.monotonic() - start
    parameters = (
        classifier.folded_network.count_params() + classifier.head.count_params()
    )
    contestant = Contestant(
        name=entry.config.backbone,
        side=entry.size[0],
        is_correct=logits.argmax(axis=1) == pixels.targets,
        loss=measure_reliability(logits, pixels.targets, pixels.weights).loss,
        seconds=seconds,
        photos_per_second=0.0,
        megabytes=4 * parameters / 1e6,
    )
    timed = np.resize(decoded.train.batch, (_TIMED_PICTURES, *entry.size, 3))
    return _Trained(contestant=contestant, run=_freeze_run(classifier, timed))


def _judge(
    entry: _Entry, decoded: DecodedSplit
) -> tuple[Classifier, NDArray[np.float32], Pixels]:
    """A classifier to weigh and time, and logits (n, classes) of what it judged."""
    config, classes = entry.config, len(decoded.split.labels)
    train, validation = decoded.train, decoded.validation
    if entry.backbone is None:
        trained = fit_scratch(config, decoded)
    elif not config.folds:
        learner = TransferLearner(entry.backbone, config)
        trained = learner.fit(train, validation, classes)
    else:
        learner = TransferLearner(entry.backbone, config)
        pixels = join_pixels((train, validation))
        logits = np.zeros((len(pixels.targets), classes), np.float32)
        for part, found in predict_folds(learner, pixels, classes, config.folds):
            logits[part] = found
        return _bare_classifier(entry.backbone, classes), logits, pixels
    logits = trained.predict_logits(validation, f"scores of {config.backbone}")
    return trained.classifier, logits, validation


def _bare_classifier(backbone: Backbone, classes: int) -> Classifier:
    """As large and as fast as each of the folds' classifiers."""
    network = backbone.network
    head = build_head(network.output.shape[-1], classes, 0.0, 0.0)
    return Classifier.on_backbone(backbone, fold_network(network), head)


def _freeze_run(
    classifier: Classifier, batch: NDArray[np.uint8]
) -> Callable[[], object]:
    frozen = freeze(
        lambda images: classifier.head(classifier.folded_network(images)),
        tf.TensorSpec([None, *classifier.size, 3], tf.uint8),
    )
    pictures = tf.constant(batch)

    def run() -> object:
        return frozen(pictures)[0].numpy()

    return run


def _measure_speeds(runs: dict[str, Callable[[], object]]) -> dict[str, float]:
    """Photos a second of each; by turns, so that a busy machine troubles all alike."""
    best = dict.fromkeys(runs, float("inf"))
    for run in runs.values():
        run()  # the first builds what later ones reuse
    for _ in range(_ROUNDS):
        for name, run in runs.items():
            start = time.perf_counter()
            run()
            best[name] = min(best[name], time.perf_counter() - start)
    return {name: _TIMED_PICTURES / seconds for name, seconds in best.items()}
