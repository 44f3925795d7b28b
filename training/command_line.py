"""Arguments become one run's configuration; a wrong one ends with the usage."""

from __future__ import annotations

import argparse
from pathlib import Path

from training.config import TrainingConfig

_DEFAULTS = TrainingConfig(data="", output=Path())


def parse_arguments(arguments: list[str], datasets_dir: Path) -> TrainingConfig:
    """One run's configuration; a wrong argument ends the program with the usage."""
    parser = argparse.ArgumentParser(
        prog="python -m training",
        description="Train a classifier on a folder of photos and export a SavedModel.",
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    parser.add_argument(
        "--data",
        required=True,
        metavar="FOLDER_OR_NAME",
        help="one folder per class, or train/validation/test above them, or a named "
        "data set (solar-cells, pizza-not-pizza, pizza-vs-ice-cream, cats-vs-dogs); "
        "ready copies of named sets are looked for in $DATASETS_DIR first",
    )
    parser.add_argument(
        "--output",
        required=True,
        type=Path,
        metavar="models/NAME",
        help="the model's folder; the run adds the next version to it",
    )
    parser.add_argument(
        "--backbone", default=_DEFAULTS.backbone, help="the pretrained network"
    )
    parser.add_argument(
        "--weights", default=_DEFAULTS.weights, help="imagenet or random"
    )
    parser.add_argument(
        "--seed",
        type=_seed,
        default=_DEFAULTS.seed,
        help="of the head's first weights and of the order of photos",
    )
    parser.add_argument(
        "--max-epochs",
        type=_count,
        default=_DEFAULTS.max_epochs,
        help="the head stops earlier when validation stops improving",
    )
    parser.add_argument(
        "--min-accuracy",
        type=_share,
        default=_DEFAULTS.min_accuracy,
        help="export nothing if the test accuracy is lower (0-1)",
    )
    parser.add_argument(
        "--skip-unreadable",
        action="store_true",
        dest="skips_unreadable",
        help="train without files that are no readable pictures instead of stopping",
    )
    return TrainingConfig(
        datasets_dir=datasets_dir, **vars(parser.parse_args(arguments))
    )


def _seed(text: str) -> int:
    seed = int(text)
    if not 0 <= seed < 2**32:
        raise argparse.ArgumentTypeError(f"expected 0 to {2**32 - 1}, received {seed}")
    return seed


def _count(text: str) -> int:
    count = int(text)
    if count < 1:
        raise argparse.ArgumentTypeError(f"expected at least 1, received {count}")
    return count


def _share(text: str) -> float:
    share = float(text)
    if not 0 <= share <= 1:
        raise argparse.ArgumentTypeError(f"expected a share, 0 to 1, received {text}")
    return share
