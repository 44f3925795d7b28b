"""The backbone's top blocks learn too, from what the frozen part below them says.

Owns how the top is trained; cut.py says where it begins. The frozen part runs once for
each picture and pass, whatever the number of epochs.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path

import keras
import numpy as np
from keras import layers
from numpy.typing import NDArray

from training.config import TrainingConfig
from training.epochs import BestEpoch, EpochBar
from training.head import classification_loss
from training.history import Stage
from training.tensorboard import stage_logs

# Of all gradients of a step together: a rare batch would throw the blocks far off.
_MAX_NORM = 1.0


@dataclass(frozen=True, kw_only=True)
class MapSamples:
    """What the frozen part says of pictures: float16 maps (n, h, w, c) of each pass.

    targets are one-hot, float32, shape (n, classes); weights float32 (n,), or None
    where all count alike.
    """

    passes: tuple[NDArray[np.float16], ...]
    targets: NDArray[np.float32]
    weights: NDArray[np.float32] | None = None


@dataclass(frozen=True, kw_only=True)
class TopBlocks:
    """What learns: the network above the cut, and the head on its averaged map."""

    top: keras.Model
    head: keras.Model

    @property
    def weights(self) -> tuple[list[NDArray[np.float32]], list[NDArray[np.float32]]]:
        """A copy of all weights, for set_weights."""
        return self.top.get_weights(), self.head.get_weights()

    def set_weights(
        self, weights: tuple[list[NDArray[np.float32]], list[NDArray[np.float32]]]
    ) -> None:
        """Go back to what weights gave."""
        self.top.set_weights(weights[0])
        self.head.set_weights(weights[1])

    def join(self) -> keras.Model:
        """From maps to logits.

        Batch norms do not learn: their statistics come from far more pictures. In
        Keras that takes trainable = False; training = False alone is overruled by fit.
        """
        for layer in self.top.layers:
            if isinstance(layer, layers.BatchNormalization):
                layer.trainable = False
        maps = keras.Input(self.top.input.shape[1:])
        features = layers.GlobalAveragePooling2D()(self.top(maps))
        return keras.Model(maps, self.head(features))

    def predict_logits(self, maps: NDArray[np.float16]) -> NDArray[np.float32]:
        """float32 logits (n, classes) of maps (n, h, w, c)."""
        model = self.join()
        return np.concatenate(
            [
                model(maps[start : start + 64].astype(np.float32), training=False)
                for start in range(0, len(maps), 64)
            ]
        )


def fine_tune(
    blocks: TopBlocks,
    train: MapSamples,
    validation: MapSamples,
    config: TrainingConfig,
    folder: Path,
) -> Stage:
    """Train the blocks in place; the best epoch by validation loss is kept.

    Args:
        blocks: What learns.
        train: Epoch after epoch shows the next pass.
        validation: One pass.
        config: Its fine_tuning, seed and tensorboard_dir.
        folder: Holds what an interrupted training needs to go on; must exist.
    """
    start = time.monotonic()
    knobs = config.fine_tuning
    keras.utils.set_random_seed(config.seed)
    model = blocks.join()
    batches = PassBatches(train, knobs.batch_size, config.seed, knobs.mixup)
    model.compile(
        optimizer=_build_optimizer(config, len(batches)),
        loss=classification_loss(config.head.label_smoothing),
        weighted_metrics=["accuracy"],
    )
    best = BestEpoch(folder, knobs.patience_epochs)
    first = best.resume(model)
    if not best.is_over:
        model.fit(
            batches,
            validation_data=PassBatches(validation, knobs.batch_size, None),
            epochs=knobs.max_epochs,
            initial_epoch=first,
            shuffle=False,  # of batches; PassBatches shuffles pictures
            callbacks=[
                _EpochStart(batches, blocks.head, config.seed),
                best,
                *([keras.callbacks.SwapEMAWeights()] if knobs.average_epochs else []),
                EpochBar(knobs.max_epochs, "fine-tuning"),
                *stage_logs(config.tensorboard_dir, "fine-tuning"),
            ],
            verbose=0,
        )
    best.restore(model)
    if knobs.average_epochs:
        model.optimizer.finalize_variable_values(model.trainable_variables)
    seconds = time.monotonic() - start
    return Stage(title="fine-tuning", history=best.history, seconds=seconds)


class PassBatches(keras.utils.PyDataset):
    """Batches of one pass, in an order drawn from seed and epoch; None keeps order.

    mixup mixes each batch with itself in another order; it needs a seed.
    """

    def __init__(
        self,
        samples: MapSamples,
        batch_size: int,
        seed: int | None,
        mixup: float = 0.0,
    ) -> None:
        super().__init__()
        self._samples, self._batch_size, self._seed = samples, batch_size, seed
        self._mixup = mixup
        self.show(0)

    def show(self, epoch: int) -> None:
        """Turn to the pass and the order of that epoch."""
        self._epoch = epoch
        self._maps = self._samples.passes[epoch % len(self._samples.passes)]
        self._order = np.arange(len(self._samples.targets))
        if self._seed is not None:
            np.random.default_rng([self._seed, epoch]).shuffle(self._order)

    def __len__(self) -> int:
        return -(-len(self._samples.targets) // self._batch_size)

    def __getitem__(self, index: int) -> tuple[NDArray[np.float32], ...]:
        start = index * self._batch_size
        rows = self._order[start : start + self._batch_size]
        maps, targets = self._maps[rows].astype(np.float32), self._samples.targets[rows]
        weights = self._samples.weights
        if self._mixup:
            own = np.ones(len(rows), np.float32) if weights is None else weights[rows]
            maps, targets, mixed = self._mix(index, maps, targets, own)
            return (maps, targets) if weights is None else (maps, targets, mixed)
        return (maps, targets) if weights is None else (maps, targets, weights[rows])

    def _mix(
        self,
        index: int,
        maps: NDArray[np.float32],
        targets: NDArray[np.float32],
        weights: NDArray[np.float32],
    ) -> tuple[NDArray[np.float32], ...]:
        """The batch mixed with itself: each loss is the two losses, weights and all."""
        chance = np.random.default_rng([self._seed, self._epoch, index])
        share = np.float32(chance.beta(self._mixup, self._mixup))
        other = chance.permutation(len(maps))
        own, others = share * weights, (1 - share) * weights[other]
        together = own + others
        shares = own[:, np.newaxis] * targets + others[:, np.newaxis] * targets[other]
        return (
            share * maps + (1 - share) * maps[other],
            shares / together[:, np.newaxis],
            together,
        )


class _EpochStart(keras.callbacks.Callback):
    """Gives each epoch its pass and its chance, also after an interruption."""

    def __init__(self, batches: PassBatches, head: keras.Model, seed: int) -> None:
        super().__init__()
        self._batches, self._seed = batches, seed
        self._generators = [
            layer.seed_generator
            for layer in head.layers
            if isinstance(layer, layers.Dropout) and layer.rate > 0
        ]

    def on_epoch_begin(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        """Keras calls this before it asks for the first batch; a backup holds weights
        but not where dropout's chance stood."""
        self._batches.show(epoch)
        for generator in self._generators:
            generator.state.assign(np.array([self._seed, epoch], np.uint32))


def _build_optimizer(config: TrainingConfig, steps: int) -> keras.optimizers.Optimizer:
    """Adam, up over the first epoch of so many steps, then down along a cosine.

    Each step leaves 1 / (steps of average_epochs) of the weights in their average.
    """
    knobs = config.fine_tuning
    rate = keras.optimizers.schedules.CosineDecay(
        0.0,
        steps * max(1, knobs.max_epochs - 1),
        warmup_target=knobs.learning_rate,
        warmup_steps=steps,
    )
    averaged_steps = max(1.0, steps * knobs.average_epochs)
    return keras.optimizers.Adam(
        rate,
        global_clipnorm=_MAX_NORM,
        use_ema=knobs.average_epochs > 0,
        ema_momentum=1 - 1 / averaged_steps,
    )
