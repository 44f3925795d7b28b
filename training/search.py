"""Settings of the head, tried on kept features and chosen by validation.

Owns which settings are tried; Optuna decides which come next.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import optuna

from training.calibration import measure_reliability
from training.config import HeadConfig
from training.head import Samples, fit_head
from training.progress import ProgressBar


@dataclass(frozen=True, kw_only=True)
class Trial:
    """One setting; loss (nats) and accuracy (0-1) are validation's."""

    config: HeadConfig
    loss: float
    accuracy: float


def search_head(
    train: Samples, validation: Samples, config: HeadConfig, trials: int, seed: int
) -> tuple[Trial, ...]:
    """Try settings, best first; the given one is among them.

    The loss is that of unsmoothed labels, without the L2 term: settings with and
    without them can be compared.
    """
    # Of a trial that Ctrl-C ends it would print a traceback.
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    tried: list[Trial] = []

    def judge(trial: optuna.Trial) -> float:
        setting = _suggest(trial, config)
        head, _ = fit_head(train, validation, setting, seed)
        logits = head(validation.features, training=False).numpy()
        loss = measure_reliability(logits, validation.targets, validation.weights).loss
        hits = logits.argmax(axis=1) == validation.targets
        accuracy = float(np.average(hits, weights=validation.weights))
        tried.append(Trial(config=setting, loss=loss, accuracy=accuracy))
        return loss

    study = optuna.create_study(sampler=optuna.samplers.TPESampler(seed=seed))
    study.enqueue_trial(
        {
            "learning_rate": config.learning_rate,
            "dropout": config.dropout,
            "weight_decay": config.weight_decay,
            "label_smoothing": config.label_smoothing,
            "balances_classes": config.balances_classes,
        }
    )
    with ProgressBar(total=trials, desc="settings of the head", unit="trial") as told:
        study.optimize(judge, trials, callbacks=[lambda *_: told.update()])
    return tuple(sorted(tried, key=lambda trial: trial.loss))


def tell_search(trials: tuple[Trial, ...], config: HeadConfig) -> tuple[str, ...]:
    """What the trials, best first, say about the settings that were given."""
    if not trials:
        return ()
    best, (given, *_) = trials[0], [one for one in trials if one.config == config]
    knobs = ", ".join(
        f"{name.replace('_', ' ')} {getattr(best.config, name):.3g}"
        for name in ("learning_rate", "dropout", "weight_decay", "label_smoothing")
    )
    balance = "balanced" if best.config.balances_classes else "not balanced"
    return (
        f"{len(trials)} settings of the head were tried; the best by validation loss "
        f"({best.loss:.4f}, accuracy {best.accuracy:.3f}; the given ones "
        f"{given.loss:.4f}): {knobs}, classes {balance}",
    )


def _suggest(trial: optuna.Trial, config: HeadConfig) -> HeadConfig:
    return replace(
        config,
        learning_rate=trial.suggest_float("learning_rate", 1e-4, 1e-2, log=True),
        dropout=trial.suggest_float("dropout", 0.0, 0.7),
        weight_decay=trial.suggest_float("weight_decay", 1e-6, 1e-2, log=True),
        label_smoothing=trial.suggest_float("label_smoothing", 0.0, 0.2),
        balances_classes=trial.suggest_categorical("balances_classes", [False, True]),
    )
