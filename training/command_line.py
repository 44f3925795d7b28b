"""Arguments become one run's configuration; a wrong one ends with the usage."""

from __future__ import annotations

import argparse
import shlex
from dataclasses import replace
from pathlib import Path
from typing import Any

from training.argument_kinds import (
    as_count,
    as_folds,
    as_inner_share,
    as_seed,
    as_share,
)
from training.config import TrainingConfig
from training.knob_arguments import (
    DEFAULTS,
    add_fine_tuning_arguments,
    add_head_arguments,
)


def parse_arguments(arguments: list[str], datasets_dir: Path) -> TrainingConfig:
    """One run's configuration; a wrong argument ends the program with the usage."""
    parser = _FileReadingParser(
        prog="python -m training",
        description="Train a classifier on a folder of photos and export a SavedModel. "
        "Arguments may also stand in a file, named as @FILE; the later of two wins.",
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
        fromfile_prefix_chars="@",
    )
    add_data_arguments(parser)
    parser.add_argument(
        "--output",
        required=True,
        type=Path,
        metavar="models/NAME",
        help="the model's folder; the run adds the next version to it",
    )
    add_backbone_arguments(parser)
    add_head_arguments(parser)
    add_fine_tuning_arguments(parser)
    _add_judging_arguments(parser)
    config = read_config(parser.parse_args(arguments), datasets_dir)
    if config.resumes and config.cache_dir is None:
        parser.error("expected --resume with a cache, received --no-cache")
    return config


class _FileReadingParser(argparse.ArgumentParser):
    """Takes a line of a file apart as a shell would; argparse asks for a subclass."""

    def convert_arg_line_to_args(self, arg_line: str) -> list[str]:
        """The line's arguments; none of a comment."""
        try:
            return shlex.split(arg_line, comments=True)
        except ValueError as error:
            return self.error(
                f"expected a line as for a shell ({error}), received {arg_line}"
            )


def read_config(parsed: argparse.Namespace, datasets_dir: Path) -> TrainingConfig:
    """The configuration of what was parsed; what a parser lacks keeps its default."""
    given = vars(parsed)
    groups: dict[str, dict[str, Any]] = {"": {}}
    for name, value in given.items():
        group, _, knob = name.rpartition(".")
        groups.setdefault(group, {})[knob] = value
    knobs = groups.pop("")
    if knobs.pop("is_uncached", False):
        knobs["cache_dir"] = None
    nested = {
        group: replace(getattr(DEFAULTS, group), **changes)
        for group, changes in groups.items()
    }
    return replace(DEFAULTS, datasets_dir=datasets_dir, **knobs, **nested)


def add_data_arguments(parser: argparse.ArgumentParser) -> None:
    """Which photos, how they are split, and where features are kept."""
    add = parser.add_argument_group("photos").add_argument
    add(
        "--data",
        required=True,
        metavar="FOLDER_OR_NAME",
        help="one folder per class, or train/validation/test above them, or a named "
        "data set (solar-cells, solar-cells-weighted, pizza-not-pizza, "
        "pizza-vs-ice-cream, cats-vs-dogs, fashion-mnist); ready copies are looked "
        "for in $DATASETS_DIR first",
    )
    for part in ("test", "validation"):
        add(
            f"--{part}-fraction",
            type=as_inner_share,
            default=getattr(DEFAULTS, f"{part}_fraction"),
            help=f"share of each class kept for {part} where there is no given split",
        )
    add(
        "--skip-unreadable",
        action="store_true",
        dest="skips_unreadable",
        help="train without files that are no readable pictures instead of stopping",
    )
    add(
        "--cache",
        type=Path,
        dest="cache_dir",
        default=DEFAULTS.cache_dir,
        help="folder that keeps features between runs",
    )
    add(
        "--no-cache",
        action="store_true",
        dest="is_uncached",
        help="keep no features; nothing can be resumed then",
    )


def add_backbone_arguments(parser: argparse.ArgumentParser) -> None:
    """Which network, with which weights."""
    add = parser.add_argument_group("network").add_argument
    add(
        "--backbone",
        default=DEFAULTS.backbone,
        help="the pretrained network, or the name of one that is trained from scratch",
    )
    add(
        "--weights",
        default=DEFAULTS.weights,
        help="imagenet, random, or a file with the backbone's weights",
    )
    add(
        "--size",
        type=as_count,
        default=DEFAULTS.size,
        help="side of the square picture in pixels; the backbone's own if not given",
    )
    add(
        "--seed",
        type=as_seed,
        default=DEFAULTS.seed,
        help="of first weights, of the order of photos and of their augmentation",
    )


def _add_judging_arguments(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument_group("judging and keeping").add_argument
    add(
        "--folds",
        type=as_folds,
        default=DEFAULTS.folds,
        help="cross-validate as well, over all photos, with so many folds",
    )
    add(
        "--search",
        type=as_count,
        metavar="TRIALS",
        dest="search_trials",
        default=DEFAULTS.search_trials,
        help="try so many settings of the head on validation first and take the best",
    )
    add(
        "--min-accuracy",
        type=as_share,
        default=DEFAULTS.min_accuracy,
        help="export nothing if the test accuracy is lower (0-1)",
    )
    add(
        "--resume",
        action="store_true",
        dest="resumes",
        help="go on where the same run was interrupted",
    )
    add(
        "--keep-keras",
        action="store_true",
        dest="keeps_keras",
        help="write the trained network as model.keras beside the version's report",
    )
    add(
        "--tensorboard",
        type=Path,
        metavar="FOLDER",
        dest="tensorboard_dir",
        default=DEFAULTS.tensorboard_dir,
        help="write TensorBoard logs there",
    )
