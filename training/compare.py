"""Which backbone suits these photos: python -m training.compare.

Exit codes: 0 when all were trained and judged, 1 with a sentence when not, 130 after
Ctrl-C.
"""

from __future__ import annotations

import argparse
import sys
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from training.argument_kinds import as_count, as_folds, as_seed
from training.command_line import add_data_arguments, read_config
from training.config import TrainingConfig
from training.knob_arguments import DEFAULTS, add_head_arguments
from training.program import read_datasets_dir, run_program

if TYPE_CHECKING:
    from training.comparison import Comparison


@dataclass(frozen=True, kw_only=True)
class CompareConfig:
    """One comparison; weights are those of single backbones, output may be None."""

    training: TrainingConfig
    backbones: tuple[str, ...]
    weights: dict[str, str]
    output: Path | None


def parse_arguments(arguments: list[str], datasets_dir: Path) -> CompareConfig:
    """One comparison's configuration; a wrong argument ends with the usage."""
    parser = argparse.ArgumentParser(
        prog="python -m training.compare",
        description="Train several backbones on one split and say which are better, "
        "and which are tied. The test part stays untouched.",
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    add_data_arguments(parser)
    _add_backbones_arguments(parser)
    add_head_arguments(parser)
    _add_judging_arguments(parser)
    parsed = parser.parse_args(arguments)
    given = vars(parsed)
    names, weights = given.pop("backbones"), given.pop("weights")
    output = given.pop("to")
    config = read_config(parsed, datasets_dir)
    for_all = [text for text in weights if "=" not in text]
    return CompareConfig(
        training=replace(config, weights=(for_all or [DEFAULTS.weights])[-1]),
        backbones=names,
        weights=dict(text.split("=", 1) for text in weights if "=" in text),
        output=output,
    )


def _add_backbones_arguments(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument_group("networks").add_argument
    add(
        "--backbones",
        required=True,
        type=_names,
        metavar="NAME,NAME",
        help="pretrained ones, and networks that are trained from scratch",
    )
    add(
        "--weights",
        action="append",
        default=[],
        metavar="NAME=FILE",
        help="imagenet, random or a file for one backbone; imagenet or random alone "
        "is for all; may be given several times",
    )
    add(
        "--size",
        type=as_count,
        help="side of the square picture in pixels, for all; each backbone's own if "
        "not given",
    )
    add("--seed", type=as_seed, default=DEFAULTS.seed, help="of every training")


def _add_judging_arguments(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument_group("training and judging").add_argument
    add(
        "--fine-tune",
        type=as_count,
        metavar="EPOCHS",
        dest="fine_tuning.max_epochs",
        default=DEFAULTS.fine_tuning.max_epochs,
        help="train the top blocks too, at most so long, where validation is better",
    )
    add(
        "--folds",
        type=as_folds,
        default=DEFAULTS.folds,
        help="judge by cross-validation over train and validation part together",
    )
    add(
        "--output",
        type=Path,
        dest="to",
        metavar="FOLDER",
        help="gets comparison.html and comparison.json; only a table if not given",
    )


def _names(text: str) -> tuple[str, ...]:
    names = tuple(text.split(","))
    if len(names) < 2 or len(set(names)) < len(names) or not all(names):
        raise argparse.ArgumentTypeError(
            f"expected two or more different names with commas, received '{text}'"
        )
    return names


def main() -> int:
    """Compare once; print the table and the verdict."""
    config = parse_arguments(sys.argv[1:], read_datasets_dir())
    return run_program("compare", lambda: _compare(config), "no comparison was written")


def _compare(config: CompareConfig) -> None:
    # pylint: disable=import-outside-toplevel
    from training.comparing import compare_backbones
    from training.comparison_page import write_page
    from training.export import check_output

    if config.output:
        check_output(config.output)
    comparison = compare_backbones(config.training, config.backbones, config.weights)
    page = config.output and write_page(comparison, config.training, config.output)
    _tell(comparison)
    if page:
        print(f"page {page}")


def _tell(comparison: Comparison) -> None:
    # pylint: disable-next=import-outside-toplevel
    from training.comparison import tell, write_p_value

    print(
        f"{'backbone':20} {'accuracy':>8} {'95 % interval':>17} {'log loss':>8} "
        f"{'p':>6} {'seconds':>7} {'photos/s':>8} {'MB':>6}"
    )
    for one, p_value in zip(comparison.contestants, comparison.p_values, strict=True):
        low, high = one.interval
        p_text = "" if one is comparison.best else write_p_value(p_value)
        print(
            f"{one.name:20} {one.accuracy:8.4f} {f'{low:.4f} to {high:.4f}':>17} "
            f"{one.loss:8.4f} {p_text:>6} {one.seconds:7.0f} "
            f"{one.photos_per_second:8.0f} {one.megabytes:6.1f}"
        )
    for line in tell(comparison):
        print(line)


if __name__ == "__main__":
    sys.exit(main())
