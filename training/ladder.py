"""Four models of one set of photos, each better than the last, in one command.

python -m training.ladder --data cats-vs-dogs --output models/ladder. Exit codes: 0 when
all were exported, 1 with a sentence when not, 130 after Ctrl-C.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from training.argument_kinds import as_count, as_seed
from training.ladder_config import RUNGS, LadderConfig
from training.program import read_datasets_dir, run_program

if TYPE_CHECKING:
    from training.ladder_climb import ClimbedRung


def parse_arguments(arguments: list[str], datasets_dir: Path) -> LadderConfig:
    """One ladder's configuration; a wrong argument ends the program with the usage."""
    parser = argparse.ArgumentParser(
        prog="python -m training.ladder",
        description="Three networks trained from scratch and a pretrained one, on the "
        "same photos: what each step of the course project brings.",
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    add = parser.add_argument
    add(
        "--data",
        default=LadderConfig.data,
        metavar="FOLDER_OR_NAME",
        help="as for python -m training",
    )
    add(
        "--output",
        type=Path,
        default=LadderConfig.output,
        metavar="models/ladder",
        help="gets a model's folder for each rung (ladder-1 ...) and ladder.html",
    )
    add(
        "--rungs",
        type=_rungs,
        default=LadderConfig.rungs,
        metavar="1,4",
        help="which of the four, in this order",
    )
    add("--seed", type=as_seed, default=LadderConfig.seed, help="of every rung")
    add(
        "--backbone",
        default=LadderConfig.backbone,
        help="the last rung's pretrained network",
    )
    add(
        "--weights",
        default=LadderConfig.weights,
        help="the last rung's: imagenet, random or a file",
    )
    add(
        "--size",
        type=as_count,
        default=LadderConfig.size,
        help="the last rung's pixels a side; its network's own if not given",
    )
    add(
        "--max-epochs",
        type=as_count,
        default=LadderConfig.max_epochs,
        help="the first three rungs train 20 at the most",
    )
    add(
        "--cache",
        type=Path,
        dest="cache_dir",
        default=LadderConfig.cache_dir,
        metavar="FOLDER",
        help="keeps features, and what an interrupted rung needs to go on",
    )
    add(
        "--resume",
        action="store_true",
        dest="resumes",
        help="take rungs that lie there from the same photos and knobs, and go on",
    )
    return LadderConfig(datasets_dir=datasets_dir, **vars(parser.parse_args(arguments)))


def _rungs(text: str) -> tuple[int, ...]:
    numbers = text.split(",")
    known = {str(number) for number in RUNGS}
    if not set(numbers) <= known or len(set(numbers)) < len(numbers):
        raise argparse.ArgumentTypeError(
            f"expected some of {', '.join(sorted(known))}, each once, received '{text}'"
        )
    return tuple(int(number) for number in numbers)


def main() -> int:
    """Climb once and print the table."""
    config = parse_arguments(sys.argv[1:], read_datasets_dir())
    return run_program(
        "ladder",
        lambda: _climb(config),
        "the rungs exported so far are whole. The same command with --resume goes on",
    )


def _climb(config: LadderConfig) -> None:
    # pylint: disable=import-outside-toplevel
    from training.ladder_climb import climb
    from training.ladder_page import write_page

    rungs = climb(config)
    page = write_page(rungs, config)
    _print_table(rungs)
    print(f"page {page}")


def _print_table(rungs: tuple[ClimbedRung, ...]) -> None:
    print(
        f"{'rung':10} {'theirs':>9} {'ours':>7} {'test':>7} {'95 % interval':>17}",
        end="",
    )
    print(f" {'seconds':>8}")
    for rung in rungs:
        low, high = rung.test_interval
        theirs = "-".join(f"{100 * share:.0f}" for share in rung.band)
        print(
            f"{rung.name:10} {theirs:>7} % {rung.validation_accuracy:7.3f} "
            f"{rung.test_accuracy:7.3f} {f'{low:.3f} to {high:.3f}':>17} "
            f"{rung.seconds:8.0f}"
        )


if __name__ == "__main__":
    sys.exit(main())
