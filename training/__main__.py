"""The command line: python -m training --data FOLDER_OR_NAME --output models/NAME."""

from __future__ import annotations

import logging
import os
import shlex
import sys
from pathlib import Path

from training.command_line import parse_arguments
from training.errors import TrainingError


def main() -> int:
    """Run once; 0 when a version was exported, 1 with a sentence when not."""
    datasets_dir = Path(os.environ.get("DATASETS_DIR", "datasets"))
    config = parse_arguments(sys.argv[1:], datasets_dir)
    # At 2 it tells of an error where there is just no GPU.
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    logging.getLogger("tensorflow").setLevel(logging.ERROR)
    try:
        # TensorFlow takes seconds to import; --help does not wait for it.
        from training.run import run  # pylint: disable=import-outside-toplevel

        result = run(config, shlex.join(["python", "-m", "training", *sys.argv[1:]]))
    except TrainingError as error:
        print(f"training: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print(
            "training: interrupted; nothing was exported. The same command with "
            "--resume goes on",
            file=sys.stderr,
        )
        return 130
    for finding in result.findings:
        print(f"note: {finding}")
    low, high = result.evaluation.interval
    print(
        f"test accuracy {result.evaluation.accuracy:.4f} "
        f"(95 % interval {low:.4f} to {high:.4f}, {result.evaluation.count} photos)"
    )
    print(f"model  {result.version_folder}")
    print(f"report {result.version_folder / 'assets.extra' / 'report' / 'report.html'}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
