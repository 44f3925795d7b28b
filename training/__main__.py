"""The command line: python -m training --data FOLDER_OR_NAME --output models/NAME."""

from __future__ import annotations

import argparse
import logging
import os
import sys
from pathlib import Path

from training.config import TrainingConfig
from training.errors import TrainingError

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


def main() -> int:
    """Run once; 0 when a version was exported, 1 with a sentence when not."""
    datasets_dir = Path(os.environ.get("DATASETS_DIR", _DEFAULTS.datasets_dir))
    config = parse_arguments(sys.argv[1:], datasets_dir)
    # At 2 it tells of an error where there is just no GPU.
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    logging.getLogger("tensorflow").setLevel(logging.ERROR)
    try:
        # TensorFlow takes seconds to import; --help does not wait for it.
        from training.run import run  # pylint: disable=import-outside-toplevel

        result = run(config)
    except TrainingError as error:
        print(f"training: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("training: interrupted; nothing was exported", file=sys.stderr)
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
