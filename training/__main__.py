"""The command line: python -m training --data FOLDER_OR_NAME --output models/NAME."""

from __future__ import annotations

import shlex
import sys

from training.command_line import parse_arguments
from training.config import TrainingConfig
from training.program import read_datasets_dir, run_program


def main() -> int:
    """Run once; 0 when a version was exported, 1 with a sentence when not."""
    config = parse_arguments(sys.argv[1:], read_datasets_dir())
    command = shlex.join(["python", "-m", "training", *sys.argv[1:]])
    interrupted = "nothing was exported"
    if config.cache_dir:
        interrupted += ". The same command with --resume goes on"
    return run_program("training", lambda: _train(config, command), interrupted)


def _train(config: TrainingConfig, command: str) -> None:
    from training.run import run  # pylint: disable=import-outside-toplevel

    result = run(config, command)
    for finding in result.findings:
        print(f"note: {finding}")
    low, high = result.evaluation.interval
    print(
        f"test accuracy {result.evaluation.accuracy:.4f} "
        f"(95 % interval {low:.4f} to {high:.4f}, {result.evaluation.count} photos)"
    )
    if weighted := result.evaluation.weighted:
        low, high = weighted.interval
        print(
            f"weighted accuracy {weighted.accuracy:.4f} (95 % interval {low:.4f} to "
            f"{high:.4f}, as many as {weighted.effective_count:.0f} equal photos)"
        )
    print(f"model  {result.version_folder}")
    print(f"report {result.version_folder / 'assets.extra' / 'report' / 'report.html'}")


if __name__ == "__main__":
    sys.exit(main())
