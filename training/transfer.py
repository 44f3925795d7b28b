"""One backbone, and classifiers trained on it: a head, and the top blocks if it helps.

Owns what is kept between trainings on the same backbone: features by content, and the
weights to begin again from.
"""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path

import keras
import numpy as np
from numpy.typing import NDArray

from training.backbones import Backbone
from training.calibration import measure_reliability
from training.config import TrainingConfig
from training.cut import cut_network
from training.epochs import EpochBar
from training.feature_store import Changes, FeatureStore, name_features
from training.features import freeze_rows
from training.fine_tune import MapSamples, TopBlocks, fine_tune
from training.fold import fold_network
from training.head import Samples, fit_head, one_hot
from training.history import Stage
from training.model import Classifier
from training.pictures import Pixels
from training.search import Trial, search_head
from training.tensorboard import stage_logs
from training.trained_model import TrainedModel
from training.unfinished import open_stage_folder

# Fine-tuning keeps the frozen part's maps of all passes in memory: no more than this.
MAX_MAP_BYTES = 4 * 2**30


class TransferLearner:
    """Trains classifiers on one backbone; each training starts from the same weights.

    What the last training gave holds the backbone's weights as they are now: use it
    before the next.
    """

    def __init__(self, backbone: Backbone, config: TrainingConfig) -> None:
        self._backbone = backbone
        self._config = replace(config, tensorboard_dir=None)
        self._changes = Changes(config.augmentation, config.seed)
        self._weights = backbone.network.get_weights()
        self._features = self._open_store(backbone.network, is_pooled=True)
        self._parts: tuple[keras.Model, keras.Model] | None = None
        self._maps: FeatureStore | None = None

    def log_into(self, folder: Path | None) -> None:
        """From now on, stages write TensorBoard logs there; at first they do not."""
        self._config = replace(self._config, tensorboard_dir=folder)

    def features(self, pixels: Pixels, classes: int, title: str) -> Samples:
        """The backbone's features of pictures as they are."""
        rows = self._features.rows(pixels, f"features of {title}")
        return Samples(
            features=rows,
            targets=pixels.targets,
            classes=classes,
            weights=pixels.weights,
        )

    def train_features(self, pixels: Pixels, classes: int) -> Samples:
        """The backbone's features of all passes, one after the other."""
        passes = self._config.passes
        rows = [
            self._features.rows(
                pixels, f"features of train, pass {number + 1} of {passes}", number
            )
            for number in range(passes)
        ]
        return Samples(
            features=np.concatenate(rows),
            targets=np.tile(pixels.targets, passes),
            classes=classes,
            weights=(
                None if pixels.weights is None else np.tile(pixels.weights, passes)
            ),
        )

    def fit(
        self,
        train: Pixels,
        validation: Pixels,
        classes: int,
        folder: Path | None = None,
    ) -> TrainedModel:
        """Train on the one part; the other decides when to stop and what is kept.

        Args:
            train: Seen in all passes.
            validation: Seen as it is.
            classes: How many there are.
            folder: Where an interrupted fine-tuning is found again; None: nowhere.
        """
        self._backbone.network.set_weights(self._weights)
        seen = self.features(validation, classes, "validation")
        learned = self.train_features(train, classes)
        knobs, trials = self._config.head, ()
        if self._config.search_trials:
            trials = search_head(
                learned, seen, knobs, self._config.search_trials, self._config.seed
            )
            knobs = trials[0].config
        head, stage = fit_head(
            learned,
            seen,
            knobs,
            self._config.seed,
            self._watch_head(knobs.max_epochs),
        )
        stages = (stage,)
        if self._config.fine_tuning.max_epochs:
            loss = measure_reliability(
                head(seen.features, training=False).numpy(), seen.targets, seen.weights
            ).loss
            stages += (self._fine_tune(head, loss, (train, validation), folder),)
        return self._wrap_up(head, stages, trials)

    def _watch_head(self, epochs: int) -> list[keras.callbacks.Callback]:
        logs = stage_logs(self._config.tensorboard_dir, "head")
        return [EpochBar(epochs, "training the head"), *logs]

    def _fine_tune(
        self,
        head: keras.Model,
        loss_before: float,
        pixels: tuple[Pixels, Pixels],
        folder: Path | None,
    ) -> Stage:
        """Train top and head further; undo it where validation was better before."""
        start = time.monotonic()
        if self._parts is None:
            self._parts = cut_network(
                self._backbone.network, self._config.fine_tuning.share
            )
            self._maps = self._open_store(self._parts[0], is_pooled=False)
        blocks = TopBlocks(top=self._parts[1], head=head)
        before = blocks.weights
        train = self._map_samples(pixels[0], head, "train")
        validation = self._map_samples(pixels[1], head, "validation", passes=1)
        with open_stage_folder(folder, "fine-tuning") as place:
            stage = fine_tune(blocks, train, validation, self._config, place)
        reached = measure_reliability(
            blocks.predict_logits(validation.passes[0]),
            pixels[1].targets,
            pixels[1].weights,
        )
        is_kept = reached.loss < loss_before
        if not is_kept:
            blocks.set_weights(before)
        return replace(stage, seconds=time.monotonic() - start, is_kept=is_kept)

    def _map_samples(
        self, pixels: Pixels, head: keras.Model, title: str, passes: int | None = None
    ) -> MapSamples:
        assert self._maps is not None
        passes = passes or self._count_passes(pixels)
        maps = [
            self._maps.rows(
                pixels, f"maps of {title}, pass {number + 1} of {passes}", number
            )
            for number in range(passes)
        ]
        return MapSamples(
            passes=tuple(maps),
            targets=one_hot(pixels.targets, head.output.shape[-1]),
            weights=pixels.weights,
        )

    def _count_passes(self, train: Pixels) -> int:
        """As many passes as there are epochs, or as fit into memory."""
        assert self._parts is not None
        map_bytes = 2 * int(np.prod(self._parts[1].input.shape[1:]))
        fitting = MAX_MAP_BYTES // (map_bytes * len(train.targets))
        return max(1, min(self._config.fine_tuning.passes, fitting))

    def _open_store(self, network: keras.Model, is_pooled: bool) -> FeatureStore:
        """Features are kept on disk; maps, ten times as large, in memory only."""
        compute = freeze_rows(network, is_pooled)
        if not is_pooled:
            return FeatureStore(
                lambda batch: compute(batch).astype(np.float16), None, self._changes
            )
        folder = self._config.cache_dir and (
            self._config.cache_dir / "features" / name_features(network, compute)
        )
        return FeatureStore(compute, folder, self._changes)

    def _wrap_up(
        self, head: keras.Model, stages: tuple[Stage, ...], trials: tuple[Trial, ...]
    ) -> TrainedModel:
        network = self._backbone.network
        store = self._features
        if stages[-1].title != "head" and stages[-1].is_kept:
            store = FeatureStore(freeze_rows(network, True), None, self._changes)

        def predict_logits(pixels: Pixels, title: str) -> NDArray[np.float32]:
            return head(store.rows(pixels, title), training=False).numpy()

        return TrainedModel(
            classifier=Classifier.on_backbone(
                self._backbone, fold_network(network), head
            ),
            stages=stages,
            predict_logits=predict_logits,
            trials=trials,
            photos_per_second=self._features.photos_per_second,
        )
