"""Export a whole ImageNet network with no training: python -m training.imagenet.

Exit codes: 0 when a version was exported, 1 with a sentence when not, 130 after Ctrl-C.
"""

from __future__ import annotations

import argparse
import logging
import os
import sys
from pathlib import Path

from training.argument_kinds import as_count
from training.errors import TrainingError
from training.imagenet_config import ImagenetConfig


def parse_arguments(arguments: list[str], datasets_dir: Path) -> ImagenetConfig:
    """One export's configuration; a wrong argument ends the program with the usage."""
    parser = argparse.ArgumentParser(
        prog="python -m training.imagenet",
        description="Export a network of ImageNet's 1,000 classes, ready to be served.",
    )
    add = parser.add_argument
    add(
        "--output",
        required=True,
        type=Path,
        metavar="models/NAME",
        help="the model's folder; the run adds the next version to it",
    )
    add(
        "--backbone",
        default=ImagenetConfig.backbone,
        help="the network (default: %(default)s)",
    )
    add(
        "--weights",
        default=ImagenetConfig.weights,
        help="imagenet, random, or a file with the weights of network and classifier "
        "(default: %(default)s)",
    )
    add(
        "--size",
        type=as_count,
        dest="side",
        help="side of the square picture in pixels; the network's own if not given",
    )
    add(
        "--labels",
        type=Path,
        dest="labels_file",
        metavar="FILE",
        help="Keras' imagenet_class_index.json; without it a copy in keras-weights/ "
        "below $DATASETS_DIR, then Keras' cache or download",
    )
    return ImagenetConfig(
        datasets_dir=datasets_dir, **vars(parser.parse_args(arguments))
    )


def main() -> int:
    """Export once and say where it lies."""
    datasets_dir = Path(os.environ.get("DATASETS_DIR", "datasets"))
    config = parse_arguments(sys.argv[1:], datasets_dir)
    # At 2 it tells of an error where there is just no GPU.
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    logging.getLogger("tensorflow").setLevel(logging.ERROR)
    try:
        # TensorFlow takes seconds to import; --help does not wait for it.
        # pylint: disable-next=import-outside-toplevel
        from training.imagenet_export import export_imagenet

        version_folder = export_imagenet(config)
    except TrainingError as error:
        print(f"imagenet: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("imagenet: interrupted; nothing was exported", file=sys.stderr)
        return 130
    print(f"model  {version_folder}")
    print(f"report {version_folder / 'assets.extra' / 'report' / 'report.html'}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
