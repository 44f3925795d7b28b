"""The arguments of how a head and a backbone's top learn: a row for each knob."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path

from training.argument_kinds import as_count, as_not_negative, as_positive, as_share
from training.config import TrainingConfig

DEFAULTS = TrainingConfig(data="", output=Path())


def add_head_arguments(parser: argparse.ArgumentParser) -> None:
    """How the head learns, and how train pictures are changed for it."""
    add = parser.add_argument_group("head").add_argument
    rows = (
        ("max-epochs", as_count, "it stops earlier by validation"),
        ("learning-rate", as_positive, "of Adam"),
        ("dropout", as_share, "share of features left out at each step"),
        ("weight-decay", as_not_negative, "L2 factor"),
        ("label-smoothing", as_share, "share given to all classes"),
    )
    _add_knobs(add, "head", DEFAULTS.head, rows)
    add(
        "--balance-classes",
        action="store_true",
        dest="head.balances_classes",
        help="weigh rare classes up, so that all weigh the same together",
    )
    add = parser.add_argument_group("augmentation").add_argument
    add(
        "--passes",
        type=as_count,
        default=DEFAULTS.passes,
        help="how often each train picture is seen: as it is, mirrored, then changed "
        "at random; each pass runs through the backbone once",
    )
    add(
        "--no-flip",
        action="store_false",
        dest="augmentation.flip",
        help="never mirror (for pictures with text)",
    )
    add(
        "--turns",
        action="store_true",
        dest="augmentation.turns",
        help="by quarters too, from the third pass on: for pictures that have no up",
    )
    rows = (
        ("rotate", as_not_negative, "degrees to either side"),
        ("shift", as_share, "share of the side"),
        ("zoom", as_share, "share of the side, in and out"),
    )
    _add_knobs(add, "augmentation", DEFAULTS.augmentation, rows)


def add_fine_tuning_arguments(parser: argparse.ArgumentParser) -> None:
    """Whether and how the backbone's top blocks learn after the head."""
    add = parser.add_argument_group("fine-tuning").add_argument
    knobs = DEFAULTS.fine_tuning
    add(
        "--fine-tune",
        type=as_count,
        metavar="EPOCHS",
        dest="fine_tuning.max_epochs",
        default=knobs.max_epochs,
        help="train the backbone's top blocks after the head, at most so long; kept "
        "only if validation is better with it",
    )
    rows = (
        ("learning-rate", as_positive, "of Adam, at its height"),
        ("passes", as_count, "how many forms of each picture the epochs go through"),
        ("patience-epochs", as_count, "without a better validation, then it stops"),
        ("share", as_share, "of the network's weights, at least so many learn"),
        ("mixup", as_not_negative, "alpha of mixing pictures by two; 0: never"),
        (
            "average-epochs",
            as_not_negative,
            "validation judges the weights' running average over so many; 0: none",
        ),
    )
    _add_knobs(add, "fine_tuning", knobs, rows, "fine-tune-")


def _add_knobs(
    add: Callable[..., object],
    group: str,
    knobs: object,
    rows: tuple[tuple[str, Callable[[str], float], str], ...],
    prefix: str = "",
) -> None:
    """An argument for each (name, kind, help); its default is that of the knob."""
    for name, kind, text in rows:
        place = name.replace("-", "_")
        add(
            f"--{prefix}{name}",
            type=kind,
            default=getattr(knobs, place),
            help=text,
            dest=f"{group}.{place}",
            metavar="N",
        )
